// Drives one fuzz target without a coverage-guided fuzzer: replays a corpus, then runs deterministic mutations of it.
//
//   fuzz_NAME CORPUS_FOLDER [RUNS [SEED]]      default: as many runs as 5 seconds allow; seed 1
//
// An input that kills the program (a signal, a sanitizer's report, an exception, half a minute without an end) is
// written to ./crash-fuzz_NAME as it dies. A folder that holds that file alone, as corpus, with 0 runs, repeats it.
#include <fcntl.h>
#include <sys/time.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <csignal>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <memory>
#include <random>
#include <string>
#include <vector>

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size);

// The sanitizers then end with SIGABRT like everything else; they would call _exit.
extern "C" const char* __asan_default_options() { return "abort_on_error=1"; }   // NOLINT: the runtime's name
extern "C" const char* __ubsan_default_options() { return "abort_on_error=1"; }  // NOLINT

namespace {

using bytes = std::vector<uint8_t>;

constexpr int input_seconds_max = 30;

// What the target is looking at, for the handlers.
struct {
  std::atomic<const uint8_t*> data = nullptr;
  std::atomic<size_t> size = 0;
  std::atomic<int> seconds = 0;
  std::string file;
} current;

void say(const char* text) { [[maybe_unused]] auto ignored = ::write(2, text, std::strlen(text)); }

// Only calls that a handler may make.
void write_current() {
  if (!current.data) return;
  int file = ::open(current.file.c_str(), O_WRONLY | O_CREAT | O_TRUNC, 0644);
  if (file < 0) return say("the input that did it cannot be written\n");
  const uint8_t* data = current.data;
  for (size_t at = 0; at < current.size;) {
    ssize_t written = ::write(file, data + at, current.size - at);
    if (written <= 0) break;
    at += static_cast<size_t>(written);
  }
  ::close(file);
  say("the input that did it: ");
  say(current.file.c_str());
  say("\n");
}

void die(int signal) {
  std::signal(signal, SIG_DFL);
  write_current();
  std::raise(signal);
}

void tick(int) {
  if (!current.data || ++current.seconds < input_seconds_max) return;
  say("an input takes too long\n");
  std::abort();
}

void catch_deaths() {
  std::signal(SIGABRT, die);
#ifndef __SANITIZE_ADDRESS__
  // Under the address sanitizer these are its own: it reports, then aborts.
  for (int signal : {SIGSEGV, SIGBUS, SIGFPE, SIGILL}) std::signal(signal, die);
#endif
  std::signal(SIGALRM, tick);
  const itimerval every_second{{1, 0}, {1, 0}};
  ::setitimer(ITIMER_REAL, &every_second, nullptr);
}

// On the heap and of exactly that size, so that a sanitizer sees a read past the end.
void run(const bytes& input) {
  std::unique_ptr<uint8_t[]> copy(new uint8_t[input.size()]);
  std::copy(input.begin(), input.end(), copy.get());
  current.size = input.size();
  current.seconds = 0;
  current.data = copy.get();
  LLVMFuzzerTestOneInput(copy.get(), input.size());
  current.data = nullptr;
}

std::vector<bytes> load(const std::filesystem::path& folder) {
  std::vector<std::filesystem::path> paths;
  for (const auto& entry : std::filesystem::directory_iterator(folder)) {
    if (entry.is_regular_file()) paths.push_back(entry.path());
  }
  std::sort(paths.begin(), paths.end());
  std::vector<bytes> corpus;
  for (const auto& path : paths) {
    std::ifstream in(path, std::ios::binary);
    corpus.emplace_back(std::istreambuf_iterator<char>(in), std::istreambuf_iterator<char>());
  }
  return corpus;
}

class mutator {
 public:
  mutator(const std::vector<bytes>& corpus, uint64_t seed) : corpus_(corpus), random_(seed) {}

  bytes next() {
    bytes input = pick();
    for (size_t n = 1 + below(4); n > 0; --n) mutate(input);
    if (input.size() > 1 << 16) input.resize(1 << 16);
    return input;
  }

 private:
  size_t below(size_t n) { return n == 0 ? 0 : random_() % n; }
  const bytes& pick() { return corpus_[below(corpus_.size())]; }

  void mutate(bytes& input) {
    static constexpr uint8_t interesting[] = {0,   1,   0x7F, 0x80, 0xFF, '"', '\\', '{',
                                              '[', ']', '}',  '0',  '-',  ' ', '\n', ':'};
    size_t at = below(input.size());
    switch (below(8)) {
      case 0:
        if (!input.empty()) input[at] = static_cast<uint8_t>(input[at] ^ (1U << below(8)));
        break;
      case 1:
        if (!input.empty()) input[at] = interesting[below(std::size(interesting))];
        break;
      case 2: input.insert(input.begin() + static_cast<long>(at), interesting[below(std::size(interesting))]); break;
      case 3:
        if (!input.empty()) input.erase(input.begin() + static_cast<long>(at));
        break;
      case 4: input.resize(at); break;
      case 5: {  // a piece of another input
        const bytes& other = pick();
        size_t from = below(other.size());
        size_t length = below(other.size() - from + 1);
        input.insert(input.begin() + static_cast<long>(at), other.begin() + static_cast<long>(from),
                     other.begin() + static_cast<long>(from + length));
        break;
      }
      case 6: {  // repeat a piece of its own
        size_t length = below(std::min<size_t>(64, input.size() - at) + 1);
        bytes piece(input.begin() + static_cast<long>(at), input.begin() + static_cast<long>(at + length));
        for (size_t n = below(8); n > 0; --n)
          input.insert(input.begin() + static_cast<long>(at), piece.begin(), piece.end());
        break;
      }
      default:  // a run of random bytes
        for (size_t i = at; i < input.size() && i < at + 8; ++i) input[i] = static_cast<uint8_t>(random_());
    }
  }

  const std::vector<bytes>& corpus_;
  std::mt19937_64 random_;
};

}  // namespace

int main(int argc, char** argv) {
  if (argc < 2) {
    std::fprintf(stderr, "usage: %s CORPUS_FOLDER [RUNS [SEED]]\n", argv[0]);
    return 2;
  }
  std::vector<bytes> corpus = load(argv[1]);
  if (corpus.empty()) {
    std::fprintf(stderr, "%s: no inputs in %s\n", argv[0], argv[1]);
    return 2;
  }
  size_t runs = argc > 2 ? std::strtoull(argv[2], nullptr, 10) : SIZE_MAX;
  uint64_t seed = argc > 3 ? std::strtoull(argv[3], nullptr, 10) : 1;
  const auto program = std::filesystem::path(argv[0]).filename().string();
  current.file = "crash-" + program;
  catch_deaths();
  for (const auto& input : corpus) run(input);

  mutator mutations(corpus, seed);
  const auto begin = std::chrono::steady_clock::now();
  const auto end = begin + (argc > 2 ? std::chrono::hours(24) : std::chrono::seconds(5));
  size_t done = 0;
  for (; done < runs && std::chrono::steady_clock::now() < end; ++done) run(mutations.next());
  const std::chrono::duration<double> taken = std::chrono::steady_clock::now() - begin;
  std::printf("%s: %zu inputs of the corpus, %zu mutations in %.1f s\n", program.c_str(), corpus.size(), done,
              taken.count());
}
