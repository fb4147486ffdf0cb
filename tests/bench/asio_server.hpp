/* The frame of the Asio peers: one thread, one io_context, async_read_some and
 * async_write. */
#ifndef BENCH_ASIO_SERVER_HPP
#define BENCH_ASIO_SERVER_HPP

#include <asio.hpp>

#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <functional>

namespace bench {

template <typename Protocol>
inline typename Protocol::endpoint endpoint_of(const char* host, const char* port) {
  return {asio::ip::make_address(host), static_cast<unsigned short>(std::atoi(port))};
}

/* Announces the address and runs until SIGTERM. */
template <typename Endpoint>
inline void run(asio::io_context& io, const Endpoint& at) {
  asio::signal_set signals(io, SIGTERM, SIGINT);

  std::signal(SIGPIPE, SIG_IGN);
  signals.async_wait([&io](std::error_code, int) { io.stop(); });
  std::printf("listening %s %u\n", at.address().to_string().c_str(), at.port());
  std::fflush(stdout);
  io.run();
}

class acceptor {
 public:
  using open_fn = std::function<void(asio::ip::tcp::socket)>;

  acceptor(asio::io_context& io, const char* host, const char* port, open_fn open)
      : acceptor_(io, endpoint_of<asio::ip::tcp>(host, port), true), open_(std::move(open)) {
    acceptor_.listen(1024);
    accept();
  }

  asio::ip::tcp::endpoint endpoint() const { return acceptor_.local_endpoint(); }

 private:
  void accept() {
    acceptor_.async_accept([this](std::error_code error, asio::ip::tcp::socket socket) {
      if (!error) {
        socket.set_option(asio::ip::tcp::no_delay(true), error);
        open_(std::move(socket));
      }
      accept();
    });
  }

  asio::ip::tcp::acceptor acceptor_;
  open_fn open_;
};

}  // namespace bench

#endif
