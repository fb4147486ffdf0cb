/* A connection of the Asio peers, over a TCP socket or a TLS stream. It deletes
 * itself when its stream has ended. */
#ifndef BENCH_STREAM_ASIO_HPP
#define BENCH_STREAM_ASIO_HPP

#include "asio_server.hpp"

#include <memory>
#include <vector>

namespace bench {

template <typename Stream>
class connection : public std::enable_shared_from_this<connection<Stream>> {
 public:
  connection(Stream stream, std::size_t buffer_size)
      : stream_(std::move(stream)), buffer_(buffer_size) {}

  Stream& stream() { return stream_; }

  void echo() {
    stream_.async_read_some(
        asio::buffer(buffer_),
        [self = this->shared_from_this()](std::error_code error, std::size_t n) {
          if (error)
            return;
          asio::async_write(self->stream_, asio::buffer(self->buffer_, n),
                            [self](std::error_code failure, std::size_t) {
                              if (!failure)
                                self->echo();
                            });
        });
  }

  void discard() {
    stream_.async_read_some(
        asio::buffer(buffer_),
        [self = this->shared_from_this()](std::error_code error, std::size_t) {
          if (!error)
            self->discard();
        });
  }

  void pour() {
    asio::async_write(stream_, asio::buffer(buffer_),
                      [self = this->shared_from_this()](std::error_code error, std::size_t) {
                        if (!error)
                          self->pour();
                      });
  }

 private:
  Stream stream_;
  std::vector<char> buffer_;
};

}  // namespace bench

#endif
