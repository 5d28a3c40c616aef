#include "shards/tokenizer/word_splits.hpp"

#include <algorithm>
#include <array>
#include <boost/json/array.hpp>

namespace troupe {
namespace {

namespace json = boost::json;

json::object byte_level(bool use_regex) {
  return {{"type", "ByteLevel"}, {"add_prefix_space", false}, {"trim_offsets", true}, {"use_regex", use_regex}};
}

json::object isolated(std::string_view regex) {
  return {{"type", "Split"}, {"pattern", {{"Regex", regex}}}, {"behavior", "Isolated"}, {"invert", false}};
}

json::object digits_apart() { return {{"type", "Digits"}, {"individual_digits", true}}; }

json::object sequence(json::array steps) { return {{"type", "Sequence"}, {"pretokenizers", std::move(steps)}}; }

word_split gpt2() { return {.pre_tokenizer = byte_level(true), .normalizer = nullptr}; }

// Numbers in threes. meta-llama/Meta-Llama-3-8B.
word_split llama3() {
  constexpr std::string_view regex = R"((?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?)"
                                     R"([^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+)";
  return {.pre_tokenizer = sequence({isolated(regex), byte_level(false)}),
          .normalizer = nullptr,
          .ignore_merges = true,
          .add_bos = true};
}

// Each digit by itself. Qwen/Qwen2-7B; Qwen3 has it too.
word_split qwen2() {
  constexpr std::string_view regex = R"((?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?)"
                                     R"([^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+)";
  return {.pre_tokenizer = sequence({isolated(regex), byte_level(false)}), .normalizer = {{"type", "NFC"}}};
}

// deepseek-ai/deepseek-llm-7b-base. Its second expression lists the cased letters one by one; here they are named by
// their category.
word_split deepseek_llm() {
  json::array steps;
  for (std::string_view regex :
       {R"([\r\n])", R"(\s?[\p{Lu}\p{Ll}\p{Lt}]+)", "\\s?[!-/:-~\uFF01-\uFF0F\uFF1A-\uFF5E\u2018-\u201F\u3000-\u3002]+",
        R"(\s+$)", "[\u4E00-\u9FA5\u0800-\u4E00\uAC00-\uD7FF]+"}) {
    steps.push_back(isolated(regex));
  }
  steps.push_back(digits_apart());
  steps.push_back(byte_level(false));
  return {.pre_tokenizer = sequence(std::move(steps)), .normalizer = nullptr};
}

// HuggingFaceTB/SmolLM-135M.
word_split smollm() { return {.pre_tokenizer = sequence({digits_apart(), byte_level(true)}), .normalizer = nullptr}; }

struct named_split {
  std::string_view name;
  word_split (*make)();
};

// The names are those of llama.cpp's converter (convert_hf_to_gguf_update.py); several mean the same.
constexpr std::array<named_split, 8> splits{{{"gpt-2", gpt2},
                                             {"llama-bpe", llama3},
                                             {"llama-v3", llama3},
                                             {"llama3", llama3},
                                             {"qwen2", qwen2},
                                             {"deepseek-r1-qwen", qwen2},
                                             {"deepseek-llm", deepseek_llm},
                                             {"smollm", smollm}}};

}  // namespace

std::optional<word_split> word_split_named(std::string_view name) {
  const auto* found = std::ranges::find(splits, name, &named_split::name);
  if (found == splits.end()) return std::nullopt;
  return found->make();
}

std::string known_word_splits() {
  std::string out;
  for (const auto& split : splits) out.append(out.empty() ? "" : ", ").append(split.name);
  return out;
}

}  // namespace troupe
