/* TLS 1.3 on Asio:
 *
 *   tls_asio echo|sink HOST PORT CERTIFICATE KEY */
#include "stream_asio.hpp"

#include <asio/ssl.hpp>

#include <cstring>

using asio::ip::tcp;
using stream = asio::ssl::stream<tcp::socket>;
using connection = bench::connection<stream>;

static constexpr std::size_t record = 16 * 1024;

int main(int argc, char** argv) {
  if (argc != 6 || (std::strcmp(argv[1], "echo") != 0 && std::strcmp(argv[1], "sink") != 0)) {
    std::fprintf(stderr, "usage: %s echo|sink HOST PORT CERTIFICATE KEY\n", argv[0]);
    return 2;
  }
  bool echo = std::strcmp(argv[1], "echo") == 0;
  asio::io_context io(ASIO_CONCURRENCY_HINT_UNSAFE);
  asio::ssl::context context(asio::ssl::context::tlsv13_server);

  context.use_certificate_chain_file(argv[4]);
  context.use_private_key_file(argv[5], asio::ssl::context::pem);
  SSL_CTX_set_mode(context.native_handle(), SSL_MODE_RELEASE_BUFFERS);
  bench::acceptor server(io, argv[2], argv[3], [&](tcp::socket socket) {
    auto c = std::make_shared<connection>(stream(std::move(socket), context), record);

    c->stream().async_handshake(asio::ssl::stream_base::server, [c, echo](std::error_code error) {
      if (error)
        return;
      if (echo)
        c->echo();
      else
        c->discard();
    });
  });
  bench::run(io, server.endpoint());
  return 0;
}
