/* TCP and UDP on Asio:
 *
 *   tcp_asio echo|sink|udp HOST PORT
 *   tcp_asio source SIZE HOST PORT */
#include "stream_asio.hpp"

#include <array>
#include <cstring>

using asio::ip::tcp;
using asio::ip::udp;
using connection = bench::connection<tcp::socket>;

namespace {

constexpr std::size_t echo_buffer = 4 * 1024;
constexpr std::size_t bulk_buffer = 64 * 1024;

class udp_echo {
 public:
  udp_echo(asio::io_context& io, const char* host, const char* port)
      : socket_(io, bench::endpoint_of<udp>(host, port)) {
    socket_.non_blocking(true);
    receive();
  }

  udp::endpoint endpoint() const { return socket_.local_endpoint(); }

 private:
  void receive() {
    socket_.async_receive_from(asio::buffer(data_), from_,
                               [this](std::error_code error, std::size_t n) {
                                 if (error)
                                   receive(); /* of an earlier answer */
                                 else
                                   answer(n);
                               });
  }

  /* At once if the kernel takes it, as uv_udp_try_send does. */
  void answer(std::size_t n) {
    std::error_code error;

    socket_.send_to(asio::buffer(data_, n), from_, 0, error);
    if (error != asio::error::would_block) {
      receive();
      return;
    }
    socket_.async_send_to(asio::buffer(data_, n), from_,
                          [this](std::error_code, std::size_t) { receive(); });
  }

  udp::socket socket_;
  udp::endpoint from_;
  std::array<char, 65536> data_;
};

int usage(const char* program) {
  std::fprintf(stderr, "usage: %s echo|sink|udp|source [SIZE] HOST PORT\n", program);
  return 2;
}

}  // namespace

int main(int argc, char** argv) {
  asio::io_context io(ASIO_CONCURRENCY_HINT_UNSAFE); /* one thread: no locks */

  if (argc < 4)
    return usage(argv[0]);
  const char* host = argv[argc - 2];
  const char* port = argv[argc - 1];
  if (std::strcmp(argv[1], "udp") == 0) {
    udp_echo server(io, host, port);
    bench::run(io, server.endpoint());
    return 0;
  }

  bench::acceptor::open_fn open;
  if (std::strcmp(argv[1], "echo") == 0)
    open = [](tcp::socket s) { std::make_shared<connection>(std::move(s), echo_buffer)->echo(); };
  else if (std::strcmp(argv[1], "sink") == 0)
    open = [](tcp::socket s) { std::make_shared<connection>(std::move(s), bulk_buffer)->discard(); };
  else if (std::strcmp(argv[1], "source") == 0 && argc == 5)
    open = [size = std::strtoul(argv[2], nullptr, 10)](tcp::socket s) {
      std::make_shared<connection>(std::move(s), size)->pour();
    };
  else
    return usage(argv[0]);
  bench::acceptor server(io, host, port, open);
  bench::run(io, server.endpoint());
  return 0;
}
