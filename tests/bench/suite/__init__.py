"""The benchmark suite: what is measured (servers, cases), how (process, runner,
machine) and what is made of it (summary, report, plots)."""
