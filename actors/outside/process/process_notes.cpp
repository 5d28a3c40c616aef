#include "actors/outside/process/process_notes.hpp"

#include <fcntl.h>
#include <sys/file.h>

#include <cerrno>
#include <fstream>
#include <sstream>
#include <system_error>

#include "base/replace_file.hpp"

namespace troupe {

namespace fs = std::filesystem;

std::optional<uint64_t> start_time_of(int32_t pid) {
  std::ifstream in("/proc/" + std::to_string(pid) + "/stat");
  std::string line;
  if (!std::getline(in, line)) return std::nullopt;
  // The command's name, in parentheses, may contain anything: count from behind it (proc(5)).
  auto at = line.rfind(')');
  if (at == std::string::npos) return std::nullopt;
  std::istringstream rest(line.substr(at + 1));
  std::string state, field;
  rest >> state;
  if (state == "Z" || state == "X") return std::nullopt;
  for (int i = 4; i <= 22; ++i) rest >> field;
  if (!rest) return std::nullopt;
  return std::strtoull(field.c_str(), nullptr, 10);
}

fs::path process_notes::file_of(const process_status& status) const {
  return folder_ / (status.name + "." + std::to_string(status.generation));
}

result<void> process_notes::open() {
  std::error_code code;
  fs::create_directories(folder_, code);
  if (code) return {errc::io_failed, folder_.string() + ": " + code.message()};
  lock_.reset(::open(folder_.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!lock_) return {errc::io_failed, folder_.string() + ": " + std::generic_category().message(errno)};
  if (::flock(lock_.get(), LOCK_EX | LOCK_NB) != 0) {
    return {errc::conflict,
            folder_.string() + ": another host agent runs with this folder; stop it or use another one"};
  }
  std::ifstream("/proc/sys/kernel/random/boot_id") >> machine_start_;
  if (machine_start_.empty()) return {errc::io_failed, "/proc/sys/kernel/random/boot_id: cannot be read"};
  return {};
}

result<void> process_notes::write(const process_note& note) const {
  std::ostringstream text;
  text << note.status.name << ' ' << note.status.generation << ' ' << note.status.pid << ' ' << note.start_time << ' '
       << machine_start_ << '\n';
  return replace_file(file_of(note.status), text.str(), outlives::the_process);
}

void process_notes::remove(const process_status& status) const {
  std::error_code ignored;
  fs::remove(file_of(status), ignored);
}

std::vector<process_note> process_notes::read() const {
  std::vector<process_note> notes;
  std::error_code code;
  for (const auto& entry : fs::directory_iterator(folder_, code)) {
    process_note note;
    std::string machine_start;
    std::ifstream in(entry.path());
    in >> note.status.name >> note.status.generation >> note.status.pid >> note.start_time >> machine_start;
    // Of before the last start of the machine: dead, whoever has that pid now.
    if (machine_start != machine_start_) note.start_time = 0;
    if (in && note.status.pid > 0 && entry.path() == file_of(note.status)) {
      notes.push_back(std::move(note));
    } else {
      fs::remove(entry.path(), code);
    }
  }
  return notes;
}

}  // namespace troupe
