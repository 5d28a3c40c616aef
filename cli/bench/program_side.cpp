#include "cli/bench/program_side.hpp"

#include <fcntl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <charconv>
#include <system_error>

#include "base/unique_fd.hpp"

namespace troupe {
namespace {

error no_answer(const std::string& name) {
  return {errc::io_failed, name + " has ended without an answer; what it wrote above may say why"};
}

[[noreturn]] void become(const std::vector<std::string>& command) {
  std::vector<char*> arguments;
  arguments.reserve(command.size() + 1);
  for (const std::string& argument : command) arguments.push_back(const_cast<char*>(argument.c_str()));
  arguments.push_back(nullptr);
  execvp(arguments[0], arguments.data());
  std::perror(arguments[0]);
  _exit(127);
}

struct pipe_ends {
  unique_fd to_read, to_write;
};

/// Neither end is for the programs of other sides: one of them would keep this side's input open when we close it.
result<pipe_ends> make_pipe() {
  std::array<int, 2> ends{};
  if (pipe2(ends.data(), O_CLOEXEC) != 0)
    return error{errc::io_failed, "pipe: " + std::generic_category().message(errno)};
  return pipe_ends{unique_fd(ends[0]), unique_fd(ends[1])};
}

}  // namespace

result<void> run_program(const std::vector<std::string>& command) {
  const pid_t pid = fork();
  if (pid < 0) return error{errc::io_failed, "fork: " + std::generic_category().message(errno)};
  if (pid == 0) become(command);
  int status = 0;
  waitpid(pid, &status, 0);
  if (status != 0) return error{errc::io_failed, command.front() + " has failed"};
  return {};
}

result<std::unique_ptr<program_side>> program_side::start(std::string name, const std::vector<std::string>& command) {
  std::unique_ptr<program_side> side(new program_side(std::move(name)));
  TROUPE_ASSIGN(pipe_ends in, make_pipe());
  TROUPE_ASSIGN(pipe_ends out, make_pipe());
  side->pid_ = fork();
  if (side->pid_ < 0) return error{errc::io_failed, "fork: " + std::generic_category().message(errno)};
  if (side->pid_ == 0) {
    dup2(in.to_read.get(), STDIN_FILENO);
    dup2(out.to_write.get(), STDOUT_FILENO);
    become(command);
  }
  out.to_write.reset();
  side->to_ = fdopen(in.to_write.release(), "w");
  side->from_ = fdopen(out.to_read.release(), "r");
  TROUPE_ASSIGN(const std::string line, side->read_line());
  if (!line.starts_with("ready")) return error{errc::io_failed, side->name_ + " says \"" + line + "\", not ready"};
  side->description_ = line.substr(std::min<size_t>(line.size(), 6));
  return side;
}

program_side::~program_side() {
  // It ends when there is nothing more to read.
  if (to_ != nullptr) std::fclose(to_);
  if (from_ != nullptr) std::fclose(from_);
  if (pid_ > 0) waitpid(pid_, nullptr, 0);
}

result<std::string> program_side::read_line() {
  std::string line;
  for (int c = std::fgetc(from_); c != '\n'; c = std::fgetc(from_)) {
    if (c == EOF) return no_answer(name_);
    line += static_cast<char>(c);
  }
  return line;
}

result<double> program_side::ask(const std::string& line) {
  if (std::fputs((line + "\n").c_str(), to_) == EOF || std::fflush(to_) == EOF) return no_answer(name_);
  TROUPE_ASSIGN(const std::string answer, read_line());
  double number = 0;
  const auto [end, failure] = std::from_chars(answer.data(), answer.data() + answer.size(), number);
  if (failure != std::errc{}) return error{errc::io_failed, name_ + " says \"" + answer + "\", not a number"};
  return number;
}

result<double> program_side::prefill(uint32_t tokens) { return ask("prefill " + std::to_string(tokens)); }

result<double> program_side::decode(uint32_t streams, uint32_t steps, uint32_t context) {
  return ask("decode " + std::to_string(streams) + " " + std::to_string(steps) + " " + std::to_string(context));
}

result<uint64_t> program_side::resident_bytes() {
  TROUPE_ASSIGN(const double bytes, ask("resident"));
  return static_cast<uint64_t>(bytes);
}

}  // namespace troupe
