package main

// inC are the functions that are written in C, in glue.c. They never enter Go and so
// work in a forked child, at any time and in a signal handler.
var inC = []Function{
	{
		Name: "socket_strerror", Result: "const char *",
		Parameters: []Parameter{{"int", "code"}},
		Doc: `socket_strerror returns the text of an error code of either sign: "Connection refused";
"Success" for 0, "Unknown error" for what is no code. Never NULL;
the text is static. This and the functions below need no thread of the library: they work in a
forked child too.`,
	},
	{
		Name: "socket_error_name", Result: "const char *",
		Parameters: []Parameter{{"int", "code"}},
		Doc: `socket_error_name returns the name of the constant of an error code of either sign:
"SOCKET_ERROR_CONNREFUSED"; "SOCKET_OK" for 0, "SOCKET_ERROR_UNKNOWN" for what is no code. Never
NULL; static.`,
	},
	{
		Name: "socket_error_category", Result: "int",
		Parameters: []Parameter{{"int", "code"}},
		Doc: `socket_error_category returns the category (SOCKET_CATEGORY_*) of an error code of either
sign: what a program can do about it. SOCKET_CATEGORY_INTERNAL for what is no code.`,
	},
	{
		Name: "socket_version", Result: "const char *",
		Doc: `socket_version returns the version of the library that is loaded: "1.0.0". The header's own
is SOCKET_VERSION_STRING.`,
	},
	{
		Name: "socket_version_number", Result: "int",
		Doc: `socket_version_number returns the version of the library that is loaded as a number that
can be compared with SOCKET_VERSION_HEX.`,
	},
}
