// What process_host_test starts: does what its first argument says, so that a test can see what a child really got.
// Answers go to standard output, which is the child's log. What the host appends to the command line is ignored or read
// by name.
#include <fcntl.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <string>
#include <vector>

namespace {

/// The number after `name` on the command line, or -1.
int number_after(int argc, char** argv, const char* name) {
  for (int i = 1; i + 1 < argc; ++i) {
    if (std::strcmp(argv[i], name) == 0) return std::atoi(argv[i + 1]);
  }
  return -1;
}

void say(const std::string& line) {
  std::puts(line.c_str());
  std::fflush(stdout);
}

/// Until it is killed, or the test is gone: no test leaves a process behind for ever.
[[noreturn]] void wait_for_ever() {
  ::alarm(120);
  for (;;) ::pause();
}

void describe() {
  std::vector<int> numbers;
  for (const auto& entry : std::filesystem::directory_iterator("/proc/self/fd")) {
    int fd = std::stoi(entry.path().filename().string());
    std::error_code gone;
    auto target = std::filesystem::read_symlink(entry.path(), gone).string();
    if (target.rfind("/proc/", 0) != 0) numbers.push_back(fd);  // not the folder that is being read
  }
  std::sort(numbers.begin(), numbers.end());
  std::string fds = "fds";
  for (int fd : numbers) fds += " " + std::to_string(fd);
  say(fds);
  sigset_t blocked;
  ::sigprocmask(SIG_BLOCK, nullptr, &blocked);
  bool any = false;
  for (int signal = 1; signal < NSIG; ++signal) any = any || ::sigismember(&blocked, signal) == 1;
  say(any ? "blocked some" : "blocked none");
  struct sigaction pipe {};
  ::sigaction(SIGPIPE, nullptr, &pipe);
  say(pipe.sa_handler == SIG_DFL ? "pipe default" : "pipe changed");
  say(::getpgrp() == ::getpid() ? "group own" : "group shared");
  say("input " + std::filesystem::read_symlink("/proc/self/fd/0").string());
}

/// Counts itself in the shared memory, and waits for the other.
void meet(int fd) {
  struct stat facts {};
  ::fstat(fd, &facts);
  void* at = ::mmap(nullptr, static_cast<size_t>(facts.st_size), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
  if (at == MAP_FAILED) std::exit(9);
  // New memory is zeros, which is this counter at 0; making it anew would undo what the other has counted.
  auto* count = static_cast<std::atomic<int>*>(at);
  ++*count;
  while (*count < 2) ::usleep(1000);
  bool fixed = ::ftruncate(fd, 1) != 0 && ::ftruncate(fd, facts.st_size * 2) != 0;
  say("met in " + std::to_string(facts.st_size) + " bytes" + (fixed ? ", fixed" : ""));
}

}  // namespace

int main(int argc, char** argv) {
  ::alarm(120);
  std::string mode = argc > 1 ? argv[1] : "";
  if (mode == "exit") return number_after(argc, argv, "exit");
  if (mode == "wait") {
    say("waiting");
    wait_for_ever();
  }
  if (mode == "abort") std::abort();
  if (mode == "fail") {
    say(std::string("a line before it\ntroupe: ") + argv[2]);
    return 1;
  }
  if (mode == "chatter") {
    for (int i = 0;; ++i) say("line " + std::to_string(i));
  }
  if (mode == "describe") {
    describe();
    for (int i = 2; i < argc; ++i) say(std::string("argument ") + argv[i]);
    return 0;
  }
  if (mode == "meet") {
    meet(number_after(argc, argv, "--shared-memory-fd"));
    return 0;
  }
  if (mode == "read") {  // what lies behind a given descriptor
    char text[64] = {};
    auto count = ::read(number_after(argc, argv, "--given-fd"), text, sizeof text - 1);
    say("read " + std::string(text, count > 0 ? static_cast<size_t>(count) : 0));
    return 0;
  }
  return 99;
}
