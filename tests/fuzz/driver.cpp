// Drives one fuzz target without a coverage-guided fuzzer: replays a corpus, then runs deterministic mutations of it.
//
//   fuzz_NAME CORPUS_FOLDER [RUNS [SEED]]      default: 20000 runs or 10 seconds, seed 1
//
// A crash or a sanitizer's report names the input: it is written to ./crash-NAME-RUN before the call that dies.
#include <algorithm>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <random>
#include <string>
#include <vector>

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size);

namespace {

using bytes = std::vector<uint8_t>;

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
  size_t runs = argc > 2 ? std::strtoull(argv[2], nullptr, 10) : 20000;
  uint64_t seed = argc > 3 ? std::strtoull(argv[3], nullptr, 10) : 1;
  for (const auto& input : corpus) LLVMFuzzerTestOneInput(input.data(), input.size());

  std::string crash = "crash-" + std::filesystem::path(argv[0]).filename().string();
  mutator mutations(corpus, seed);
  auto end = std::chrono::steady_clock::now() + std::chrono::seconds(argc > 2 ? 3600 : 10);
  size_t done = 0;
  for (; done < runs && std::chrono::steady_clock::now() < end; ++done) {
    bytes input = mutations.next();
    std::ofstream(crash, std::ios::binary)
        .write(reinterpret_cast<const char*>(input.data()), static_cast<long>(input.size()));
    LLVMFuzzerTestOneInput(input.data(), input.size());
  }
  std::filesystem::remove(crash);
  std::printf("%zu inputs of the corpus and %zu mutations\n", corpus.size(), done);
}
