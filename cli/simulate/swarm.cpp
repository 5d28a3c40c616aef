#include "cli/simulate/swarm.hpp"

#include <poll.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <boost/json/serialize.hpp>
#include <cerrno>
#include <csignal>
#include <cstring>
#include <optional>
#include <utility>

#include "base/json.hpp"
#include "base/unique_fd.hpp"

namespace troupe {
namespace {

/// One seed in so many is run twice.
constexpr uint64_t repeat_each = 100;

// ---- what a worker does ----

boost::json::object line_of(uint64_t seed, const simulation::outcome& done) {
  boost::json::object out;
  out["seed"] = seed;
  out["events"] = done.events;
  out["simulated_ms"] = done.lasted / std::chrono::milliseconds(1);
  out["requests"] = to_json(done.counts);
  out["reached"] = done.reached.to_text();
  out["found"] = done.found.count();
  if (done.found.count() > 0) {
    const auto& first = done.found.found().front();
    out["id"] = first.id;
    out["what"] = std::to_string(first.at / std::chrono::milliseconds(1)) + " ms: " + first.what;
  }
  return out;
}

void say(int to, const boost::json::object& what) {
  const std::string line = serialize(what) + "\n";
  // A pipe takes it at once or waits; where nobody listens any more, the worker has nothing to work for.
  for (size_t sent = 0; sent < line.size();) {
    const ssize_t n = write(to, line.data() + sent, line.size() - sent);
    if (n < 0 && errno != EINTR) _exit(1);
    if (n > 0) sent += static_cast<size_t>(n);
  }
}

using trace_of_all = std::shared_ptr<const simulation::request_trace>;

boost::json::object run_seed(uint64_t seed, const trace_of_all& arrivals) {
  const auto what = simulation::scenario_of(seed, arrivals);
  auto done = simulation::run(what);
  const bool twice = seed % repeat_each == 0;
  if (twice && simulation::run(what).hash != done.hash)
    done.found.add("I16", done.lasted, "a second run of the seed is another");
  auto line = line_of(seed, done);
  line["repeated"] = twice;
  return line;
}

[[noreturn]] void work(int to, uint64_t first, uint64_t step, uint64_t end, std::chrono::steady_clock::time_point until,
                       const trace_of_all& arrivals) {
  for (uint64_t seed = first; seed < end && std::chrono::steady_clock::now() < until; seed += step) {
    say(to, {{"begins", seed}});
    say(to, run_seed(seed, arrivals));
  }
  _exit(0);
}

// ---- what the parent does ----

struct worker {
  pid_t pid = -1;
  unique_fd from;
  std::string unread;
  /// The seed under way, and since when.
  std::optional<uint64_t> seed;
  std::chrono::steady_clock::time_point since;
  /// It was ended for that.
  bool hangs = false;
  uint64_t next = 0;
  bool over = false;
};

class swarm {
 public:
  swarm(const swarm_plan& plan, const std::function<void(const swarm_report&)>& progress)
      : plan_(plan), progress_(progress), began_(std::chrono::steady_clock::now()) {
    report_.first_seed = plan.first_seed;
    report_.arrivals = plan.arrivals;
    if (plan.seeds > 0) end_ = plan.first_seed + plan.seeds;
    if (plan.time > duration{}) until_ = began_ + plan.time;
  }

  ~swarm() { end_workers(); }
  swarm(const swarm&) = delete;
  swarm& operator=(const swarm&) = delete;

  result<swarm_report> run() {
    TROUPE_ASSIGN(arrivals_, simulation::read_arrivals(plan_.arrivals));
    workers_.resize(std::max(plan_.jobs, 1U));
    for (size_t i = 0; i < workers_.size(); ++i) {
      workers_[i].next = plan_.first_seed + i;
      TROUPE_TRY(start(workers_[i]));
    }
    auto told = began_;
    while (!std::ranges::all_of(workers_, &worker::over)) {
      TROUPE_TRY(listen());
      end_those_that_hang();
      if (plan_.stops_at_first && !report_.failures.empty()) end_workers();
      const auto now = std::chrono::steady_clock::now();
      report_.took = now - began_;
      if (now - told < std::chrono::seconds(1)) continue;
      told = now;
      if (progress_) progress_(report_);
    }
    std::ranges::sort(report_.failures, {}, &failed_seed::seed);
    return std::move(report_);
  }

 private:
  result<void> start(worker& w) {
    std::array<int, 2> ends{};
    if (pipe(ends.data()) != 0) return {errc::io_failed, std::string("no pipe: ") + std::strerror(errno)};
    w.from = unique_fd(ends[0]);
    const unique_fd to(ends[1]);
    w.pid = fork();
    if (w.pid < 0) return {errc::io_failed, std::string("no process: ") + std::strerror(errno)};
    if (w.pid > 0) return {};
    plant(plan_.bug);
    work(to.get(), w.next, workers_.size(), end_, until_, arrivals_);
  }

  void end_workers() {
    for (worker& each : workers_) {
      if (each.over || each.pid < 0) continue;
      kill(each.pid, SIGKILL);
      waitpid(each.pid, nullptr, 0);
      each.over = true;
    }
  }

  /// They are counted when their pipes say that they have ended.
  void end_those_that_hang() {
    for (worker& each : workers_) {
      if (each.over || each.hangs || !each.seed) continue;
      if (std::chrono::steady_clock::now() - each.since < plan_.seed_time_max) continue;
      each.hangs = true;
      kill(each.pid, SIGKILL);
    }
  }

  result<void> listen() {
    std::vector<pollfd> all;
    std::vector<worker*> whose;
    for (worker& each : workers_) {
      if (each.over) continue;
      all.push_back({each.from.get(), POLLIN, 0});
      whose.push_back(&each);
    }
    constexpr int ms = 200;
    if (poll(all.data(), all.size(), ms) < 0) {
      if (errno == EINTR) return {};
      return {errc::io_failed, std::string("waiting for the swarm's processes: ") + std::strerror(errno)};
    }
    for (size_t i = 0; i < all.size(); ++i)
      if (all[i].revents != 0) TROUPE_TRY(read(*whose[i]));
    return {};
  }

  result<void> read(worker& w) {
    std::array<char, 65536> bytes{};
    const ssize_t n = ::read(w.from.get(), bytes.data(), bytes.size());
    if (n < 0 && errno == EINTR) return {};
    if (n < 0) return {errc::io_failed, std::string("a process of the swarm: ") + std::strerror(errno)};
    if (n == 0) return ended(w);
    w.unread.append(bytes.data(), static_cast<size_t>(n));
    for (size_t end = w.unread.find('\n'); end != std::string::npos; end = w.unread.find('\n')) {
      TROUPE_ASSIGN(auto line, parse_json(std::string_view(w.unread).substr(0, end)));
      w.unread.erase(0, end + 1);
      TROUPE_TRY(take(w, line.as_object()));
    }
    return {};
  }

  result<void> take(worker& w, const boost::json::object& line) {
    const json_reader reader(line);
    if (reader.has("begins")) {
      TROUPE_ASSIGN(w.seed, count_of(reader, "begins"));
      w.since = std::chrono::steady_clock::now();
      w.next = *w.seed + workers_.size();
      return {};
    }
    w.seed.reset();
    ++report_.seeds;
    TROUPE_ASSIGN(const uint64_t simulated_ms, count_of(reader, "simulated_ms"));
    report_.simulated += std::chrono::milliseconds(simulated_ms);
    TROUPE_ASSIGN(const uint64_t events, count_of(reader, "events"));
    report_.events += events;
    TROUPE_ASSIGN(const auto* requests, reader.object("requests"));
    if (requests == nullptr) return {errc::internal, "a process of the swarm does not say what became of its requests"};
    TROUPE_ASSIGN(const simulation::tally counts, tally_of(json_reader(*requests)));
    report_.counts += counts;
    TROUPE_ASSIGN(const bool repeated, reader.boolean("repeated", false));
    report_.repeated += repeated ? 1 : 0;
    TROUPE_ASSIGN(const std::string reached, reader.string("reached", ""));
    report_.reached.add(simulation::states_reached::from_text(reached));
    failed_seed failure;
    TROUPE_ASSIGN(failure.count, count_of(reader, "found"));
    if (failure.count == 0) return {};
    TROUPE_ASSIGN(failure.seed, count_of(reader, "seed"));
    TROUPE_ASSIGN(failure.id, reader.string("id", ""));
    TROUPE_ASSIGN(failure.what, reader.string("what", ""));
    report_.failures.push_back(std::move(failure));
    return {};
  }

  result<void> ended(worker& w) {
    int status = 0;
    waitpid(w.pid, &status, 0);
    if (WIFEXITED(status) && WEXITSTATUS(status) == 0) {
      w.over = true;
      return {};
    }
    const bool hangs = std::exchange(w.hangs, false);
    // One that hung may have come to its end in that moment.
    if (!w.seed && !hangs) return {errc::internal, "a process of the swarm ended without a reason"};
    if (w.seed) {
      ++report_.seeds;
      report_.failures.push_back({*w.seed, hangs ? "hang" : "crash", hangs ? has_hung() : has_crashed(status), 1});
    }
    w.seed.reset();
    w.unread.clear();
    return start(w);
  }

  std::string has_hung() const {
    return "it took longer than " + std::to_string(plan_.seed_time_max / std::chrono::milliseconds(1)) + " ms";
  }
  static std::string has_crashed(int status) {
    return "the process ended with " + (WIFSIGNALED(status) ? std::string("signal ") + strsignal(WTERMSIG(status))
                                                            : "status " + std::to_string(WEXITSTATUS(status)));
  }

  const swarm_plan& plan_;
  const std::function<void(const swarm_report&)>& progress_;
  const std::chrono::steady_clock::time_point began_;
  uint64_t end_ = UINT64_MAX;
  std::chrono::steady_clock::time_point until_ = std::chrono::steady_clock::time_point::max();
  trace_of_all arrivals_;
  std::vector<worker> workers_;
  swarm_report report_;
};

}  // namespace

result<swarm_report> run_swarm(const swarm_plan& plan, const std::function<void(const swarm_report&)>& progress) {
  return swarm(plan, progress).run();
}

}  // namespace troupe
