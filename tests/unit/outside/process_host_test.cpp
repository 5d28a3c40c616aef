#include <fcntl.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <boost/test/unit_test.hpp>
#include <chrono>
#include <condition_variable>
#include <fstream>
#include <future>
#include <iterator>
#include <mutex>
#include <thread>

#include "actors/outside/process/posix_process_host.hpp"
#include "actors/outside/process/process_notes.hpp"
#include "tests/support/temporary_folder.hpp"

namespace troupe {
namespace {

/// Only a test that fails waits for it.
constexpr std::chrono::seconds patience{60};

struct exits {
  std::mutex mutex;
  std::condition_variable changed;
  std::vector<process_exit> all;

  std::function<void(const process_exit&)> handler() {
    return [this](const process_exit& exit) {
      std::lock_guard lock(mutex);
      all.push_back(exit);
      changed.notify_all();
    };
  }
  /// The exit of that process, once it was reported.
  process_exit of(const node_name& name, generation_number generation = 0) {
    std::unique_lock lock(mutex);
    auto found = all.end();
    bool came = changed.wait_for(lock, patience, [&] {
      found = std::find_if(all.begin(), all.end(),
                           [&](const auto& e) { return e.name == name && e.generation == generation; });
      return found != all.end();
    });
    BOOST_REQUIRE_MESSAGE(came, "no exit of " << name << " was reported");
    return *found;
  }
  size_t count() {
    std::lock_guard lock(mutex);
    return all.size();
  }
};

struct opened_host {
  test::temporary_folder folder;
  exits ended;
  std::unique_ptr<posix_process_host> host = open();

  ~opened_host() {
    if (host) host->end_all(patience);
  }
  std::unique_ptr<posix_process_host> open(uint64_t log_bytes_max = 64 << 20,
                                           std::chrono::milliseconds log_check_interval = std::chrono::hours(1)) {
    posix_process_host_config config;
    config.program = TROUPE_PROCESS_CHILD;
    config.state_folder = folder.path();
    config.log_folder = folder / "logs";
    config.log_bytes_max = log_bytes_max;
    config.log_check_interval = log_check_interval;
    auto opened = posix_process_host::open(std::move(config), null_logger());
    if (!opened) BOOST_FAIL(opened.err().message());
    (*opened)->on_exit(ended.handler());
    return *std::move(opened);
  }
  process_status start(const node_name& name, std::vector<std::string> arguments, generation_number generation = 0) {
    auto started = host->start({{name, generation, std::move(arguments)}}, 0);
    if (!started) BOOST_FAIL(started.err().message());
    return started->front();
  }
  std::string log_of(const node_name& name, const char* extension = ".log") const {
    std::ifstream in(folder / ("logs/" + name + extension));
    return {std::istreambuf_iterator<char>(in), std::istreambuf_iterator<char>()};
  }
  /// Its first line has come: it runs.
  void wait_for_log(const node_name& name) const {
    auto until = std::chrono::steady_clock::now() + patience;
    while (log_of(name).empty() && std::chrono::steady_clock::now() < until) std::this_thread::yield();
    BOOST_REQUIRE(!log_of(name).empty());
  }
  size_t notes() const {
    auto in = std::filesystem::directory_iterator(folder / "processes");
    return static_cast<size_t>(std::distance(begin(in), end(in)));
  }
};

BOOST_FIXTURE_TEST_SUITE(process_host_of_a_machine, opened_host)

BOOST_AUTO_TEST_CASE(an_exit_is_reported_with_its_code) {
  auto status = start("n", {"exit", "3"}, 7);
  auto exit = ended.of("n", 7);
  BOOST_TEST(exit.how == "exit 3");
  BOOST_TEST(exit.pid == status.pid);
  BOOST_TEST(host->list().empty());
  BOOST_TEST(notes() == 0u);
}

BOOST_AUTO_TEST_CASE(a_death_by_signal_is_reported_with_its_name) {
  auto killed = start("killed", {"wait"});
  start("aborted", {"abort"});
  BOOST_TEST(::kill(killed.pid, SIGKILL) == 0);
  BOOST_TEST(ended.of("killed").how == "signal 9 (Killed)");
  BOOST_TEST(ended.of("aborted").how == "signal 6 (Aborted)");
}

BOOST_AUTO_TEST_CASE(no_dead_child_is_left_behind) {
  auto status = start("n", {"exit", "0"});
  ended.of("n");
  BOOST_TEST(::waitpid(status.pid, nullptr, WNOHANG) == -1);
  BOOST_TEST(errno == ECHILD);
}

BOOST_AUTO_TEST_CASE(a_process_can_be_asked_to_end_or_killed) {
  start("asked", {"wait"});
  start("killed", {"wait"});
  wait_for_log("asked");
  BOOST_TEST(host->end("asked", 0, end_process::terminate));
  BOOST_TEST(host->end("killed", 0, end_process::kill));
  BOOST_TEST(ended.of("asked").how == "signal 15 (Terminated)");
  BOOST_TEST(ended.of("killed").how == "signal 9 (Killed)");
  BOOST_TEST(!host->end("asked", 0, end_process::kill));
  BOOST_TEST(!host->end("nobody", 0, end_process::kill));
}

BOOST_AUTO_TEST_CASE(a_stopped_process_is_killed_too) {
  auto status = start("n", {"wait"});
  BOOST_TEST(::kill(status.pid, SIGSTOP) == 0);
  siginfo_t info{};
  BOOST_TEST(::waitid(P_PID, static_cast<id_t>(status.pid), &info, WSTOPPED | WNOWAIT) == 0);
  BOOST_TEST(host->list().size() == 1u);  // stopped is not ended
  BOOST_TEST(host->end("n", 0, end_process::kill));
  BOOST_TEST(ended.of("n").how == "signal 9 (Killed)");
}

BOOST_AUTO_TEST_CASE(all_are_killed_and_gone_when_that_returns) {
  auto adopted = start("adopted", {"wait"}, 4);
  host.reset();
  host = open();
  auto stopped = start("stopped", {"wait"});
  start("own", {"wait"}, 9);
  BOOST_TEST(::kill(stopped.pid, SIGSTOP) == 0);
  BOOST_TEST(host->end_all(patience).empty());
  BOOST_TEST(host->list().empty());
  BOOST_TEST(notes() == 0u);
  BOOST_TEST(ended.of("own", 9).how == "signal 9 (Killed)");
  BOOST_TEST(ended.of("stopped").how == "signal 9 (Killed)");
  BOOST_TEST(ended.of("adopted", 4).how == "unknown");
  BOOST_TEST(host->end_all(patience).empty());  // nobody is left
  ::waitpid(adopted.pid, nullptr, 0);
}

BOOST_AUTO_TEST_CASE(who_has_not_ended_in_time_is_named) {
  // As long as the handler of one exit is busy, no other is seen.
  std::promise<void> seen, go_on;
  host->on_exit([&](const process_exit& exit) {
    if (exit.name != "first") return;
    seen.set_value();
    go_on.get_future().wait();
  });
  start("first", {"exit", "0"});
  seen.get_future().wait();
  auto second = start("second", {"wait"}, 3);
  BOOST_TEST((host->end_all(std::chrono::milliseconds(10)) == std::vector<process_status>{second}));
  go_on.set_value();
  BOOST_TEST(host->end_all(patience).empty());
}

BOOST_AUTO_TEST_CASE(a_child_gets_what_it_was_given_and_nothing_else) {
  // Left open in the parent, inheritable, and a signal ignored and one blocked there: none of it is the child's.
  unique_fd leaked(::open("/dev/null", O_RDONLY));
  ::signal(SIGPIPE, SIG_IGN);
  sigset_t blocked, before;
  ::sigemptyset(&blocked);
  ::sigaddset(&blocked, SIGUSR1);
  ::pthread_sigmask(SIG_BLOCK, &blocked, &before);
  start("n", {"describe", "two words"});
  ::pthread_sigmask(SIG_SETMASK, &before, nullptr);
  ::signal(SIGPIPE, SIG_DFL);
  BOOST_TEST(ended.of("n").how == "exit 0");
  BOOST_TEST(log_of("n") == "fds 0 1 2\nblocked none\npipe default\ngroup own\ninput /dev/null\nargument two words\n");
}

BOOST_AUTO_TEST_CASE(given_descriptors_arrive_under_the_numbers_on_the_command_line) {
  int pipe_a[2], pipe_b[2];
  BOOST_REQUIRE(::pipe2(pipe_a, O_CLOEXEC) == 0);
  BOOST_REQUIRE(::pipe2(pipe_b, O_CLOEXEC) == 0);
  unique_fd write_a(pipe_a[1]), write_b(pipe_b[1]);
  host->give_fd("n", unique_fd(pipe_a[0]), "--other-fd");
  host->give_fd("n", unique_fd(pipe_b[0]), "--given-fd");
  for (const char* text : {"first", "second"}) {  // at each start
    BOOST_TEST(::write(write_b.get(), text, std::strlen(text)) > 0);
    start("n", {"read"}, text[0] == 'f' ? 1u : 2u);
    ended.of("n", text[0] == 'f' ? 1u : 2u);
  }
  BOOST_TEST(log_of("n") == "read first\nread second\n");
  start("n", {"describe"}, 3);
  ended.of("n", 3);
  BOOST_TEST(log_of("n").find("fds 0 1 2 3 4\n") != std::string::npos);
  BOOST_TEST(log_of("n").find("argument --other-fd\nargument 3\nargument --given-fd\nargument 4\n") !=
             std::string::npos);
  start("another", {"describe"});
  ended.of("another");
  BOOST_TEST(log_of("another").find("fds 0 1 2\n") != std::string::npos);
}

BOOST_AUTO_TEST_CASE(a_descriptor_that_is_given_later_is_made_for_the_first_start) {
  int opened = 0;
  auto open_null = [&]() -> result<unique_fd> {
    if (++opened == 1) return {errc::io_failed, "not yet"};
    return unique_fd(::open("/dev/null", O_RDONLY | O_CLOEXEC));
  };
  host->give_fd_later("n", open_null, "--given-fd");
  auto started = host->start({{"n", 1, {"describe"}}}, 0);
  BOOST_REQUIRE(!started);
  BOOST_TEST(started.err().detail == "not yet");
  for (generation_number generation : {2u, 3u}) {
    start("n", {"describe"}, generation);
    ended.of("n", generation);
  }
  BOOST_TEST(opened == 2);
  BOOST_TEST(log_of("n").find("argument --given-fd\nargument 3\n") != std::string::npos);
}

BOOST_AUTO_TEST_CASE(children_that_start_together_share_a_memory_of_fixed_size) {
  auto started = host->start({{"r0", 1, {"meet"}}, {"r1", 1, {"meet"}}}, 1 << 20);
  BOOST_REQUIRE(started);
  BOOST_TEST(ended.of("r0", 1).how == "exit 0");
  BOOST_TEST(ended.of("r1", 1).how == "exit 0");
  BOOST_TEST(log_of("r0") == "met in 1048576 bytes, fixed\n");
  BOOST_TEST(log_of("r1") == "met in 1048576 bytes, fixed\n");
}

BOOST_AUTO_TEST_CASE(all_start_or_none) {
  auto pid = start("b", {"wait"}, 1).pid;
  auto started = host->start({{"a", 1, {"wait"}}, {"b", 1, {"wait"}}}, 0);
  BOOST_REQUIRE(!started);
  BOOST_TEST((started.err().code == errc::conflict));
  // What had started is gone, without a word to anybody who never heard of it; what lived before lives.
  auto until = std::chrono::steady_clock::now() + patience;
  while (host->list().size() > 1 && std::chrono::steady_clock::now() < until) std::this_thread::yield();
  BOOST_TEST((host->list() == std::vector<process_status>{{"b", 1, pid}}));
  BOOST_TEST(ended.count() == 0u);
  BOOST_TEST(host->start({{"b", 2, {"exit", "0"}}}, 0).has_value());  // another generation may live beside it
  ended.of("b", 2);
}

BOOST_AUTO_TEST_CASE(a_program_that_is_not_there_is_named) {
  posix_process_host_config config;
  config.program = folder / "no-such-program";
  config.state_folder = folder / "other";
  auto opened = posix_process_host::open(std::move(config), null_logger());
  BOOST_REQUIRE(opened);
  auto started = (*opened)->start({{"n", 0, {}}}, 0);
  BOOST_REQUIRE(!started);
  BOOST_TEST((started.err().code == errc::io_failed));
  BOOST_TEST(started.err().detail.find("no-such-program") != std::string::npos, started.err().detail);
  BOOST_TEST((*opened)->list().empty());
}

BOOST_AUTO_TEST_CASE(without_a_program_this_executable_is_started) {
  host.reset();
  posix_process_host_config config;
  config.state_folder = folder.path();
  config.log_folder = folder / "logs";
  auto opened = posix_process_host::open(std::move(config), null_logger());
  BOOST_REQUIRE(opened);
  (*opened)->on_exit(ended.handler());
  BOOST_REQUIRE((*opened)->start({{"n", 0, {"--list_content"}}}, 0));
  BOOST_TEST(ended.of("n").how == "exit 0");
  BOOST_TEST(log_of("n").find("without_a_program_this_executable_is_started") != std::string::npos);
}

BOOST_AUTO_TEST_CASE(names_that_are_no_file_names_are_refused) {
  for (const char* bad : {"", "../n", "a/b", ".n"}) {
    auto started = host->start({{bad, 0, {"exit", "0"}}}, 0);
    BOOST_REQUIRE(!started);
    BOOST_TEST((started.err().code == errc::invalid_argument));
  }
}

BOOST_AUTO_TEST_CASE(more_memory_than_can_be_is_an_error) {
  BOOST_TEST(!host->start({{"n", 0, {"exit", "0"}}}, uint64_t{1} << 63).has_value());
  BOOST_TEST(host->list().empty());
}

BOOST_AUTO_TEST_CASE(a_log_that_has_grown_is_set_aside_at_the_next_start) {
  host.reset();
  host = open(10);
  start("n", {"describe"}, 1);
  ended.of("n", 1);
  auto first = log_of("n");
  start("n", {"exit", "0"}, 2);
  ended.of("n", 2);
  BOOST_TEST(log_of("n").empty());
  BOOST_TEST(log_of("n", ".log.1") == first);
}

BOOST_AUTO_TEST_CASE(a_log_does_not_grow_without_end_while_its_process_runs) {
  host.reset();
  host = open(10'000, std::chrono::milliseconds(1));
  start("n", {"chatter"});
  auto until = std::chrono::steady_clock::now() + patience;
  const std::filesystem::path aside = folder / "logs/n.log.1";
  std::error_code none;
  // Set aside twice: the second time in place of the first.
  auto first = std::filesystem::file_time_type::min();
  while (std::chrono::steady_clock::now() < until) {
    auto now = std::filesystem::last_write_time(aside, none);
    if (!none && first == std::filesystem::file_time_type::min()) first = now;
    if (!none && now > first) break;
    std::this_thread::yield();
  }
  BOOST_TEST((std::filesystem::last_write_time(aside) > first));
  BOOST_TEST(log_of("n", ".log.1").starts_with("line "));
  BOOST_TEST(host->end("n", 0, end_process::kill));
  ended.of("n");
}

BOOST_AUTO_TEST_CASE(who_fails_is_quoted) {
  start("n", {"fail", "the disk is full"});
  BOOST_TEST(ended.of("n").how == "exit 1: the disk is full");
  start("n", {"exit", "1"}, 2);
  BOOST_TEST(ended.of("n", 2).how == "exit 1");  // and not what another one said before it
  start("n", {"fail", std::string(1000, 'x')}, 3);
  BOOST_TEST(ended.of("n", 3).how == "exit 1: " + std::string(300, 'x'));
  start("n", {"fail", "caf\xFF!"}, 4);
  BOOST_TEST(ended.of("n", 4).how == "exit 1: caf\xEF\xBF\xBD!");
  start("n", {"describe"}, 5);
  BOOST_TEST(ended.of("n", 5).how == "exit 0");
}

BOOST_AUTO_TEST_CASE(without_descriptors_nothing_is_started_unwatched) {
  std::vector<unique_fd> all;
  for (int fd = ::dup(0); fd >= 0; fd = ::dup(0)) all.emplace_back(fd);
  auto started = host->start({{"n", 0, {"wait"}}}, 0);
  all.clear();
  BOOST_REQUIRE(!started);
  BOOST_TEST((started.err().code == errc::io_failed));
  BOOST_TEST(host->list().empty());
  BOOST_TEST(::waitpid(-1, nullptr, WNOHANG) == -1);  // no child is left
  BOOST_TEST(errno == ECHILD);
  start("n", {"exit", "0"});
  ended.of("n");
}

BOOST_AUTO_TEST_CASE(the_next_host_adopts_the_living_and_learns_of_the_dead) {
  auto lives = start("lives", {"wait"}, 5), dies = start("dies", {"wait"}, 6);
  host.reset();
  BOOST_TEST(ended.count() == 0u);
  BOOST_TEST(::kill(dies.pid, SIGKILL) == 0);
  siginfo_t info{};
  BOOST_TEST(::waitid(P_PID, static_cast<id_t>(dies.pid), &info, WEXITED) == 0);

  host = open();
  BOOST_TEST((host->list() == std::vector<process_status>{lives}));
  BOOST_TEST((ended.of("dies", 6) == process_exit{"dies", 6, dies.pid, "unknown"}));
  BOOST_TEST((host->start({{"lives", 5, {"wait"}}}, 0).err().code == errc::conflict));
  BOOST_TEST(host->end("lives", 5, end_process::kill));
  BOOST_TEST(ended.of("lives", 5).how == "unknown");
  BOOST_TEST(notes() == 0u);
  ::waitid(P_PID, static_cast<id_t>(lives.pid), &info, WEXITED);
}

BOOST_AUTO_TEST_CASE(a_pid_that_belongs_to_somebody_else_by_now_is_left_alone) {
  auto stranger = start("stranger", {"wait"});
  host.reset();
  const std::filesystem::path file = folder / "processes/stranger.0";
  std::ifstream in(file);
  process_note note;
  std::string machine_start;
  in >> note.status.name >> note.status.generation >> note.status.pid >> note.start_time >> machine_start;
  BOOST_REQUIRE(in);
  // The same pid, another start of it; and the same pid and start, on another start of the machine.
  std::ofstream(folder / "processes/a.1")
      << "a 1 " << stranger.pid << " " << note.start_time + 1 << " " << machine_start;
  std::ofstream(folder / "processes/b.1") << "b 1 " << stranger.pid << " " << note.start_time << " another-start";
  std::filesystem::remove(file);
  host = open();
  BOOST_TEST(host->list().empty());
  ended.of("a", 1);
  ended.of("b", 1);
  BOOST_TEST(!host->end("a", 1, end_process::kill));
  BOOST_TEST(start_time_of(stranger.pid).has_value());  // it lives
  ::kill(stranger.pid, SIGKILL);
  ::waitpid(stranger.pid, nullptr, 0);
}

BOOST_AUTO_TEST_CASE(notes_that_cannot_be_read_are_dropped) {
  host.reset();
  for (const char* text : {"", "x", "n 1 -5 0 s", "n 1 99999999999999 0 s", "other 2 1 0 s"}) {
    std::ofstream(folder / "processes/n.1") << text;
    host = open();
    BOOST_TEST(host->list().empty());
    BOOST_TEST(notes() == 0u);
    host.reset();
  }
  BOOST_TEST(ended.count() == 0u);
}

BOOST_AUTO_TEST_CASE(two_hosts_do_not_share_a_folder) {
  posix_process_host_config config;
  config.state_folder = folder.path();
  auto second = posix_process_host::open(std::move(config), null_logger());
  BOOST_REQUIRE(!second);
  BOOST_TEST((second.err().code == errc::conflict));
  BOOST_TEST(second.err().detail.find("another host agent") != std::string::npos);
}

BOOST_AUTO_TEST_CASE(many_starts_and_exits_at_once_are_each_reported_once) {
  std::vector<process_spec> specs;
  for (int i = 0; i < 30; ++i) specs.push_back({"n" + std::to_string(i), 0, {"exit", std::to_string(i)}});
  BOOST_REQUIRE(host->start(specs, 0));
  for (int i = 0; i < 30; ++i) BOOST_TEST(ended.of("n" + std::to_string(i)).how == "exit " + std::to_string(i));
  BOOST_TEST(ended.count() == 30u);
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace
}  // namespace troupe
