#include "actors/outside/process/posix_process_host.hpp"

#include <poll.h>
#include <signal.h>
#include <sys/eventfd.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstring>
#include <map>
#include <mutex>
#include <thread>

#include "actors/outside/process/process_logs.hpp"
#include "actors/outside/process/process_notes.hpp"
#include "actors/outside/process/spawn.hpp"
#include "base/check.hpp"

namespace troupe {
namespace {

namespace fs = std::filesystem;

std::string reason(int code) { return std::generic_category().message(code); }

int open_pidfd(int32_t pid) { return static_cast<int>(::syscall(SYS_pidfd_open, pid, 0)); }

std::string how_ended(const siginfo_t& info) {
  if (info.si_code == CLD_EXITED) return "exit " + std::to_string(info.si_status);
  return "signal " + std::to_string(info.si_status) + " (" + ::strsignal(info.si_status) + ")";
}

using process_key = std::pair<node_name, generation_number>;

struct child {
  process_note note;
  unique_fd pidfd;
  /// Where its own output begins in its log.
  uint64_t log_begin = 0;
  /// Another host started it: its status is not ours to collect.
  bool adopted = false;
  /// One of several that were to start together and did not: nobody was told of it.
  bool silent = false;
};

struct given_fd {
  std::string argument;
  unique_fd fd;
  /// Asked for it when it is first needed.
  std::function<result<unique_fd>()> open;
};

/// Names become files' names.
result<void> check_name(const node_name& name) {
  if (!name.empty() && name.front() != '.' && name.find('/') == name.npos && name.find('\0') == name.npos) return {};
  return {errc::invalid_argument, "\"" + name + "\" cannot be a process's name"};
}

}  // namespace

class posix_process_host::implementation {
 public:
  implementation(posix_process_host_config config, logger& log)
      : config_(std::move(config)),
        log_(log),
        notes_(config_.state_folder / "processes"),
        logs_(config_.log_folder, config_.log_bytes_max) {}

  ~implementation() {
    if (!watcher_.joinable()) return;  // open() failed
    stopping_ = true;
    wake();
    watcher_.join();
  }
  implementation(const implementation&) = delete;
  implementation& operator=(const implementation&) = delete;

  result<void> open() {
    shown_as_ = config_.program.string();
    if (config_.program.empty()) {
      // Started through this link and not by its name: when the file is replaced while the cluster runs, a restarted
      // rank is still of the version that its peers are.
      config_.program = "/proc/self/exe";
      std::error_code code;
      shown_as_ = fs::read_symlink(config_.program, code).string();
      if (code) return {errc::io_failed, "/proc/self/exe: " + code.message()};
    }
    TROUPE_TRY(notes_.open());
    TROUPE_TRY(logs_.open());
    wake_.reset(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
    if (!wake_) return {errc::io_failed, "eventfd: " + reason(errno)};
    adopt();
    watcher_ = std::thread([this] { watch(); });
    return {};
  }

  void give(const node_name& name, given_fd given) {
    std::lock_guard lock(mutex_);
    auto& all = given_[name];
    std::erase_if(all, [&](const given_fd& g) { return g.argument == given.argument; });
    all.push_back(std::move(given));
  }

  void drop_fds() {
    std::lock_guard lock(mutex_);
    given_.clear();
  }

  void on_exit(const std::function<void(const process_exit&)>& handler) {
    std::vector<process_exit> missed;
    {
      std::lock_guard lock(mutex_);
      handler_ = handler;
      missed.swap(unreported_);
    }
    for (const auto& exit : missed) handler(exit);
  }

  result<std::vector<process_status>> start(const std::vector<process_spec>& specs, uint64_t shared_memory_bytes) {
    unique_fd memory;
    if (shared_memory_bytes > 0) {
      TROUPE_ASSIGN(memory, make_shared_memory(shared_memory_bytes));
    }
    std::vector<process_status> started;
    auto outcome = [&]() -> result<void> {
      for (const auto& spec : specs) {
        TROUPE_ASSIGN(auto status, start_one(spec, memory));
        started.push_back(std::move(status));
      }
      return {};
    }();
    if (!outcome) {
      for (const auto& status : started) abandon(status);
      return std::move(outcome).err();
    }
    return started;
  }

  void abandon(const process_status& status) {
    {
      std::lock_guard lock(mutex_);
      if (auto at = children_.find({status.name, status.generation}); at != children_.end()) at->second.silent = true;
    }
    end(status.name, status.generation, end_process::kill);
  }

  bool end(const node_name& name, generation_number generation, end_process how) {
    std::lock_guard lock(mutex_);
    auto at = children_.find({name, generation});
    if (at == children_.end()) return false;
    return send(at->second, how == end_process::kill ? SIGKILL : SIGTERM);
  }

  std::vector<process_status> end_all(std::chrono::milliseconds patience) {
    std::unique_lock lock(mutex_);
    for (const auto& [key, c] : children_) send(c, SIGKILL);
    ended_.wait_for(lock, patience, [this] { return children_.empty(); });
    return living();
  }

  std::vector<process_status> list() const {
    std::lock_guard lock(mutex_);
    return living();
  }

 private:
  static bool send(const child& c, int signal) {
    return ::syscall(SYS_pidfd_send_signal, c.pidfd.get(), signal, nullptr, 0) == 0;
  }

  // With the lock held.
  std::vector<process_status> living() const {
    std::vector<process_status> alive;
    for (const auto& [key, c] : children_) alive.push_back(c.note.status);
    return alive;
  }

  result<process_status> start_one(const process_spec& spec, const unique_fd& memory) {
    TROUPE_TRY(check_name(spec.name));
    std::lock_guard lock(mutex_);
    process_key key{spec.name, spec.generation};
    if (children_.contains(key)) return {errc::conflict, spec.name + " lives already in this generation"};
    if (children_.size() >= config_.processes_max) {
      return {errc::overloaded, std::to_string(children_.size()) + " processes live on this host already"};
    }
    logs_.bound(spec.name);
    child c;
    c.log_begin = logs_.bytes_of(spec.name);
    spawn_request request{config_.program, shown_as_, spec.arguments, logs_.file_of(spec.name), {}};
    if (memory) request.fds.push_back({"--shared-memory-fd", memory.get()});
    if (auto given = given_.find(spec.name); given != given_.end()) {
      for (auto& g : given->second) {
        if (!g.fd && g.open) {
          TROUPE_ASSIGN(g.fd, g.open());
        }
        request.fds.push_back({g.argument, g.fd.get()});
      }
    }
    auto spawned = spawn(request);
    if (!spawned) return with_context(spawned.err(), spec.name);
    int32_t pid = *spawned;
    c.note.status = {spec.name, spec.generation, pid};
    // Not collected yet, so the pid is still its own even if it has ended.
    c.note.start_time = start_time_of(pid).value_or(0);
    c.pidfd.reset(open_pidfd(pid));
    if (!c.pidfd) {
      // Out of descriptors: nobody would see its end.
      int code = errno;
      ::kill(pid, SIGKILL);
      ::waitpid(pid, nullptr, 0);
      return {errc::io_failed, spec.name + " cannot be watched: " + reason(code)};
    }
    if (auto noted = notes_.write(c.note); !noted) log_.warn("process.not_noted", {{"why", noted.err().message()}});
    auto status = c.note.status;
    children_.emplace(std::move(key), std::move(c));
    wake();
    return status;
  }

  void adopt() {
    for (auto& note : notes_.read()) {
      child c;
      c.adopted = true;
      c.log_begin = logs_.bytes_of(note.status.name);
      c.pidfd.reset(open_pidfd(note.status.pid));
      bool lives = c.pidfd && start_time_of(note.status.pid) == note.start_time;
      if (lives) {
        log_.info("process.adopted", {{"process", note.status.name}, {"pid", note.status.pid}});
        process_key key{note.status.name, note.status.generation};
        c.note = std::move(note);
        children_.emplace(std::move(key), std::move(c));
      } else {
        notes_.remove(note.status);
        unreported_.push_back({note.status.name, note.status.generation, note.status.pid, "unknown"});
      }
    }
  }

  void wake() {
    uint64_t one = 1;
    // Full means that it is awake anyway.
    if (::write(wake_.get(), &one, sizeof one) < 0) TROUPE_CHECK(errno == EAGAIN);
  }

  void watch() {
    auto next_look = std::chrono::steady_clock::now() + config_.log_check_interval;
    while (!stopping_) {
      std::vector<pollfd> waiting{{wake_.get(), POLLIN, 0}};
      std::vector<process_key> keys;
      {
        std::lock_guard lock(mutex_);
        for (const auto& [key, c] : children_) {
          waiting.push_back({c.pidfd.get(), POLLIN, 0});
          keys.push_back(key);
        }
      }
      auto left = std::chrono::ceil<std::chrono::milliseconds>(next_look - std::chrono::steady_clock::now()).count();
      int timeout = logs_.kept() ? static_cast<int>(std::max<int64_t>(left, 0)) : -1;
      if (::poll(waiting.data(), waiting.size(), timeout) < 0) continue;
      if (std::chrono::steady_clock::now() >= next_look) {
        bound_logs(keys);
        next_look = std::chrono::steady_clock::now() + config_.log_check_interval;
      }
      if (waiting[0].revents != 0) {
        uint64_t count = 0;
        (void)!::read(wake_.get(), &count, sizeof count);
      }
      for (size_t i = 0; i < keys.size(); ++i) {
        if (waiting[i + 1].revents != 0) report(keys[i]);
      }
    }
  }

  void bound_logs(const std::vector<process_key>& keys) {
    for (const auto& key : keys) {
      if (!logs_.bound(key.first)) continue;
      std::lock_guard lock(mutex_);
      for (auto& [other, c] : children_) {
        if (other.first == key.first) c.log_begin = 0;
      }
    }
  }

  void report(const process_key& key) {
    process_exit exit;
    std::function<void(const process_exit&)> handler;
    {
      std::lock_guard lock(mutex_);
      auto at = children_.find(key);
      if (at == children_.end()) return;
      const auto& status = at->second.note.status;
      exit = {status.name, status.generation, status.pid, "unknown"};
      siginfo_t info{};
      if (!at->second.adopted && ::waitid(P_PID, static_cast<id_t>(status.pid), &info, WEXITED | WNOHANG) == 0 &&
          info.si_pid != 0) {
        exit.how = how_ended(info);
        bool failed = info.si_code != CLD_EXITED || info.si_status != 0;
        auto why = failed ? logs_.last_words(status.name, at->second.log_begin) : std::string();
        if (!why.empty()) exit.how += ": " + why;
      }
      notes_.remove(status);
      bool silent = at->second.silent;
      children_.erase(at);
      ended_.notify_all();
      if (silent) return;
      handler = handler_;
      if (!handler) unreported_.push_back(exit);
    }
    if (handler) handler(exit);
  }

  posix_process_host_config config_;
  std::string shown_as_;
  logger& log_;
  process_notes notes_;
  process_logs logs_;
  mutable std::mutex mutex_;
  std::map<process_key, child> children_;
  // One of them has ended.
  std::condition_variable ended_;
  std::map<node_name, std::vector<given_fd>> given_;
  std::function<void(const process_exit&)> handler_;
  std::vector<process_exit> unreported_;
  unique_fd wake_;
  std::atomic<bool> stopping_{false};
  std::thread watcher_;
};

posix_process_host::posix_process_host(std::unique_ptr<implementation> made) : implementation_(std::move(made)) {}
posix_process_host::~posix_process_host() = default;

result<std::unique_ptr<posix_process_host>> posix_process_host::open(posix_process_host_config config, logger& log) {
  auto made = std::make_unique<implementation>(std::move(config), log);
  TROUPE_TRY(made->open());
  return std::unique_ptr<posix_process_host>(new posix_process_host(std::move(made)));
}

void posix_process_host::give_fd(const node_name& name, unique_fd fd, std::string argument) {
  implementation_->give(name, {std::move(argument), std::move(fd), {}});
}
void posix_process_host::give_fd_later(const node_name& name, std::function<result<unique_fd>()> open,
                                       std::string argument) {
  implementation_->give(name, {std::move(argument), {}, std::move(open)});
}
void posix_process_host::drop_fds() { implementation_->drop_fds(); }
void posix_process_host::on_exit(std::function<void(const process_exit&)> handler) {
  implementation_->on_exit(handler);
}
result<std::vector<process_status>> posix_process_host::start(const std::vector<process_spec>& specs,
                                                              uint64_t shared_memory_bytes) {
  return implementation_->start(specs, shared_memory_bytes);
}
bool posix_process_host::end(const node_name& name, generation_number generation, end_process how) {
  return implementation_->end(name, generation, how);
}
std::vector<process_status> posix_process_host::end_all(std::chrono::milliseconds patience) {
  return implementation_->end_all(patience);
}
std::vector<process_status> posix_process_host::list() const { return implementation_->list(); }

}  // namespace troupe
