#include "actors/node/node_runtime.hpp"

#include <caf/actor_registry.hpp>

#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <sys/eventfd.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include <csignal>
#include <cstring>

#include "base/check.hpp"

namespace troupe {
namespace {

sigset_t end_signals() {
  sigset_t set;
  sigemptyset(&set);
  for (int signal : {SIGTERM, SIGINT}) sigaddset(&set, signal);
  // A terminal that is closed ends what runs in it, unless nohup said otherwise. (Blocked signals are never ignored.)
  struct sigaction hangup {};
  if (::sigaction(SIGHUP, nullptr, &hangup) == 0 && hangup.sa_handler != SIG_IGN) sigaddset(&set, SIGHUP);
  return set;
}

log_level level_of(const cluster_config& config) {
  log_level level = log_level::info;
  TROUPE_CHECK(parse_log_level(config.log_level, level));  // the configuration's codec has checked it
  return level;
}

uint64_t incarnation_of(const node_config& config, const clock& time, random_source& random) {
  return config.incarnation != 0 ? config.incarnation : make_incarnation(time, random);
}

asio_transport_config transport_config_of(node_config& config, const peer_identity& self) {
  asio_transport_config t;
  t.cluster = config.cluster.name;
  t.self = self;
  t.certificates = certificate_files_of(node_runtime::state_path(config.cluster, "certificates"), config.name);
  t.listen = config.listen;
  t.listen_fd = std::move(config.listen_fd);
  t.peers = config.peers;
  t.roles = config.roles;
  const auto& limits = config.cluster.transport;
  t.frame_bytes_max = limits.frame_bytes_max;
  t.window_bytes = std::max<size_t>(t.window_bytes, limits.frame_bytes_max);
  t.queue_bytes_max = limits.queue_bytes_max;
  t.ping_interval = limits.ping_interval;
  t.pings_missed_max = limits.pings_missed_max;
  return t;
}

}  // namespace

void prepare_process() {
  auto set = end_signals();
  TROUPE_CHECK(pthread_sigmask(SIG_BLOCK, &set, nullptr) == 0);
  // A peer that closes its end is an error of the write, not the end of the process.
  TROUPE_CHECK(std::signal(SIGPIPE, SIG_IGN) != SIG_ERR);
}

std::string node_runtime::state_path(const cluster_config& config, std::string_view name) {
  return config.state_folder + "/" + std::string(name);
}

node_runtime::node_runtime(node_config config, actor_metrics& metrics)
    : cluster_(config.cluster),
      groups_(groups_of(cluster_)),
      log_(make_json_logger(config.name, level_of(cluster_))),
      post_({config.name, incarnation_of(config, clock_, random_), config.role}, cluster_.name, clock_, *log_, metrics),
      env_{cluster_, clock_, random_, *log_, post_, metrics},
      transport_(transport_config_of(config, post_.self()), random_, *log_),
      actors_(std::make_unique<actor_config>(config.scheduler_threads)),
      system_(std::make_unique<caf::actor_system>(*actors_)),
      end_event_(::eventfd(0, EFD_CLOEXEC)) {
  TROUPE_CHECK(end_event_.get() >= 0);
  post_.use(transport_);
}

node_runtime::~node_runtime() {
  end_actors();
  system_.reset();
  transport_.stop();
}

void node_runtime::end_actors() {
  post_.end_all();
  system_->registry().await_running_count_equal(0);
}

result<void> node_runtime::start_transport() { return transport_.start(post_); }

int node_runtime::run(const std::function<void()>& on_terminate) {
  auto set = end_signals();
  unique_fd signals(::signalfd(-1, &set, SFD_CLOEXEC));
  TROUPE_CHECK(signals.get() >= 0);
  bool terminating = false;
  for (;;) {
    pollfd waiting[2] = {{end_event_.get(), POLLIN, 0}, {signals.get(), POLLIN, 0}};
    if (::poll(waiting, 2, -1) < 0) continue;  // interrupted
    if (waiting[0].revents != 0) return exit_code_;
    if (waiting[1].revents == 0) continue;
    signalfd_siginfo info{};
    if (::read(signals.get(), &info, sizeof info) != sizeof info) continue;
    if (std::exchange(terminating, true)) return 1;
    log_->info("node.terminating", {{"signal", ::strsignal(static_cast<int>(info.ssi_signo))}});
    on_terminate();
  }
}

void node_runtime::request_end(int exit_code) {
  exit_code_ = exit_code;
  uint64_t one = 1;
  TROUPE_CHECK(::write(end_event_.get(), &one, sizeof one) == sizeof one);
}

}  // namespace troupe
