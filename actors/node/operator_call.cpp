#include "actors/node/operator_call.hpp"

#include <condition_variable>
#include <mutex>
#include <optional>

#include "base/clock.hpp"
#include "base/log.hpp"
#include "base/random.hpp"
#include "schemas/envelope_codec.hpp"

namespace troupe {
namespace {

class caller final : public transport_listener {
 public:
  caller(uint64_t cluster, envelope_body question) : cluster_(cluster), question_(std::move(question)) {}
  void use(transport& t) { transport_ = &t; }

  void on_up(const peer_identity& peer) override {
    envelope_head head;
    head.cluster = cluster_;
    head.to = service::controller;
    head.correlation = 1;
    // Should the link be gone again, it comes up anew and the question with it.
    (void)transport_->send(peer.node, std::make_shared<const std::vector<std::byte>>(encode({head, question_})));
  }
  void on_frame(const peer_identity&, frame_bytes frame, frame_credit) override {
    auto decoded = decode(*frame);
    if (!decoded) return;
    if (auto* answer = std::get_if<description>(&decoded->body)) {
      std::lock_guard lock(mutex_);
      answer_ = std::move(*answer);
      answered_.notify_all();
    }
  }
  void on_down(const peer_identity&, const error&) override {}

  std::optional<description> wait(duration patience) {
    std::unique_lock lock(mutex_);
    answered_.wait_for(lock, patience, [&] { return answer_.has_value(); });
    return answer_;
  }

 private:
  uint64_t cluster_;
  envelope_body question_;
  transport* transport_ = nullptr;
  std::mutex mutex_;
  std::condition_variable answered_;
  std::optional<description> answer_;
};

}  // namespace

result<description> call_control(const std::string& cluster, const std::string& state_folder,
                                 const std::vector<transport_peer>& gateways, envelope_body question,
                                 duration patience) {
  system_clock time;
  system_random random;
  asio_transport_config config;
  config.cluster = cluster;
  config.self = {"ctl", make_incarnation(time, random), "ctl"};
  config.certificates = certificate_files_of(state_folder + "/certificates", "ctl");
  config.peers = gateways;
  config.roles = {"gateway"};
  caller operator_side(cluster_key(cluster), std::move(question));
  asio_transport link(std::move(config), random, null_logger());
  operator_side.use(link);
  TROUPE_TRY(link.start(operator_side));
  auto answer = operator_side.wait(patience);
  link.stop();
  if (!answer) {
    return {errc::unavailable, "no control node of cluster " + cluster + " answered within " +
                                   std::to_string(patience / std::chrono::seconds(1)) + " s; is it running?"};
  }
  return std::move(*answer);
}

}  // namespace troupe
