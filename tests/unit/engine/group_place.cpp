#include "tests/unit/engine/group_place.hpp"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include <boost/test/unit_test.hpp>
#include <ostream>

#include "shards/engine/shm_communicator.hpp"

namespace troupe::test {
namespace {

template <class Communicator>
result<std::unique_ptr<communicator>> met(result<std::unique_ptr<Communicator>> opened, duration deadline) {
  if (!opened) return std::move(opened).err();
  TROUPE_TRY((*opened)->meet(deadline));
  return std::unique_ptr<communicator>(std::move(opened).value());
}

}  // namespace

std::ostream& operator<<(std::ostream& out, transport how) {
  return out << (how == transport::shm ? "shared memory" : "TCP");
}

shared_memory::shared_memory(uint64_t bytes) : fd_(memfd_create("troupe-test", MFD_CLOEXEC)) {
  BOOST_REQUIRE(fd_);
  BOOST_REQUIRE(ftruncate(fd_.get(), static_cast<off_t>(bytes)) == 0);
}

listener listen_here() {
  unique_fd socket(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t length = sizeof(address);
  auto* const any = reinterpret_cast<sockaddr*>(&address);
  BOOST_REQUIRE(socket);
  BOOST_REQUIRE(bind(socket.get(), any, length) == 0);
  BOOST_REQUIRE(listen(socket.get(), 64) == 0);
  BOOST_REQUIRE(getsockname(socket.get(), any, &length) == 0);
  return {std::move(socket), {.host = "127.0.0.1", .port = ntohs(address.sin_port)}};
}

group_place::group_place(transport how, uint32_t size, size_t floats_max)
    : how_(how), size_(size), floats_max_(floats_max) {
  if (how == transport::shm) {
    memory_ = std::make_unique<shared_memory>(shm_communicator_bytes(size, floats_max).value());
  } else {
    for (uint32_t rank = 0; rank < size; ++rank) listeners_.push_back(listen_here());
  }
}

tcp_communicator_config group_place::tcp_config(uint32_t rank) const {
  tcp_communicator_config config{.rank = rank,
                                 .size = size_,
                                 .floats_max = floats_max_,
                                 .generation = generation,
                                 .secret = {std::byte{7}, std::byte{8}},
                                 .listening_fd = listeners_[rank].socket.get(),
                                 .addresses = {}};
  for (const listener& each : listeners_) config.addresses.push_back(each.address);
  return config;
}

result<std::unique_ptr<communicator>> group_place::join(uint32_t rank, const clock& time, duration deadline) const {
  if (how_ == transport::tcp) return met(tcp_communicator::open(tcp_config(rank), time), deadline);
  return met(
      shm_communicator::open(
          {.rank = rank, .size = size_, .floats_max = floats_max_, .generation = generation, .fd = memory_->fd()},
          time),
      deadline);
}

}  // namespace troupe::test
