#include "shards/model/model_config.hpp"

#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>
#include <boost/test/unit_test.hpp>

#include "shards/model/generation_defaults.hpp"
#include "shards/model/weight_files.hpp"
#include "tests/support/mentions.hpp"
#include "tests/support/temporary_folder.hpp"
#include "tests/support/test_data.hpp"
#include "tests/unit/model/small_model.hpp"

namespace troupe {
namespace {

namespace json = boost::json;

using test::mentions;

result<model_config> with(std::string_view key, json::value value) {
  auto config = test::small_config();
  config[key] = std::move(value);
  return parse_model_config(config);
}

std::string refusal(std::string_view key, json::value value, errc code = errc::corrupt) {
  auto config = with(key, std::move(value));
  if (config) return "";
  BOOST_TEST((config.err().code == code), key << " gave " << name(config.err().code));
  return config.err().detail;
}

// The published config.json of Llama 3.2 1B.
BOOST_AUTO_TEST_CASE(reads_a_llama_with_scaled_rope) {
  auto config = parse_model_config(json::parse(R"({
    "architectures": ["LlamaForCausalLM"], "attention_bias": false, "attention_dropout": 0.0, "bos_token_id": 128000,
    "eos_token_id": [128001, 128008, 128009], "head_dim": 64, "hidden_act": "silu", "hidden_size": 2048,
    "initializer_range": 0.02, "intermediate_size": 8192, "max_position_embeddings": 131072, "mlp_bias": false,
    "model_type": "llama", "num_attention_heads": 32, "num_hidden_layers": 16, "num_key_value_heads": 8,
    "pretraining_tp": 1, "rms_norm_eps": 1e-05,
    "rope_scaling": {"factor": 32.0, "high_freq_factor": 4.0, "low_freq_factor": 1.0,
                     "original_max_position_embeddings": 8192, "rope_type": "llama3"},
    "rope_theta": 500000.0, "tie_word_embeddings": true, "torch_dtype": "bfloat16", "use_cache": true,
    "vocab_size": 128256})"));
  BOOST_REQUIRE(config.has_value());
  model_config expected{.kind = architecture::llama,
                        .hidden = 2048,
                        .layers = 16,
                        .heads = 32,
                        .kv_heads = 8,
                        .head_dim = 64,
                        .intermediate = 8192,
                        .vocab_size = 128256,
                        .context_max = 131072,
                        .rms_eps = 1e-5,
                        .rope = {.theta = 500000, .dims = 64, .scaling = llama3_rope_scaling{32, 1, 4, 8192}},
                        .sliding_rope = {},
                        .tied_embeddings = true,
                        .qkv_bias = false,
                        .output_bias = false,
                        .score_scalar = 64,
                        .sliding = {},
                        .experts = {},
                        .sparse = {},
                        .bos = 128000,
                        .eos = {128001, 128008, 128009},
                        .stated_dtype = dtype::bf16};
  BOOST_TEST((*config == expected));
  BOOST_TEST(parameter_count(*config) == 1'235'814'400U);  // as its model card counts
}

// The published config.json of Qwen2.5 0.5B.
BOOST_AUTO_TEST_CASE(reads_a_qwen2_with_biases_and_a_window_that_is_off) {
  auto config = parse_model_config(json::parse(R"({
    "architectures": ["Qwen2ForCausalLM"], "attention_dropout": 0.0, "bos_token_id": 151643, "eos_token_id": 151643,
    "hidden_act": "silu", "hidden_size": 896, "initializer_range": 0.02, "intermediate_size": 4864,
    "max_position_embeddings": 32768, "max_window_layers": 24, "model_type": "qwen2", "num_attention_heads": 14,
    "num_hidden_layers": 24, "num_key_value_heads": 2, "rms_norm_eps": 1e-06, "rope_theta": 1000000.0,
    "sliding_window": 32768, "tie_word_embeddings": true, "torch_dtype": "bfloat16", "use_mrope": false,
    "use_sliding_window": false, "vocab_size": 151936})"));
  BOOST_REQUIRE(config.has_value());
  BOOST_TEST((config->kind == architecture::qwen2));
  BOOST_TEST(config->qkv_bias);
  BOOST_TEST(!config->output_bias);
  BOOST_TEST(config->head_dim == 64U);
  BOOST_TEST(parameter_count(*config) == 494'032'768U);
  BOOST_TEST(can_split(*config, 1));
  BOOST_TEST(can_split(*config, 2));
  BOOST_TEST(!can_split(*config, 4));  // 14 heads
  BOOST_TEST(!can_split(*config, 3));
  BOOST_TEST(!can_split(*config, 0));
}

BOOST_AUTO_TEST_CASE(what_a_config_may_leave_out_has_its_default) {
  auto config = *parse_model_config(test::small_config());
  BOOST_TEST(config.head_dim == 4U);
  BOOST_TEST((config.rope == rope_config{.theta = 10000, .dims = 4, .scaling = {}}));
  BOOST_TEST(!config.tied_embeddings);
  BOOST_TEST(!config.stated_dtype.has_value());
  auto lean = test::small_config();
  for (const char* key : {"num_key_value_heads", "rms_norm_eps", "bos_token_id", "eos_token_id"}) lean.erase(key);
  config = *parse_model_config(lean);
  BOOST_TEST(config.kv_heads == 4U);
  BOOST_TEST(config.rms_eps == 1e-6);
  BOOST_TEST(!config.bos.has_value());
  BOOST_TEST(config.eos.empty());
}

BOOST_AUTO_TEST_CASE(every_size_must_be_there_and_in_its_range) {
  for (const char* key : {"hidden_size", "num_hidden_layers", "num_attention_heads", "intermediate_size", "vocab_size",
                          "max_position_embeddings"}) {
    BOOST_TEST(mentions(refusal(key, nullptr), std::string(key) + " is missing"));
    for (const json::value& wrong : {json::value(0), json::value(-1), json::value(1LL << 40), json::value(~0ULL),
                                     json::value(1.5), json::value("16"), json::value(json::array{16})}) {
      auto text = refusal(key, wrong);
      BOOST_TEST(mentions(text, key));
      BOOST_TEST(mentions(text, "but is " + json::serialize(wrong)));
    }
  }
}

BOOST_AUTO_TEST_CASE(heads_must_fit_each_other) {
  BOOST_TEST(mentions(refusal("num_key_value_heads", 3), "num_key_value_heads, 3"));
  BOOST_TEST(mentions(refusal("num_attention_heads", 6), "head_dim is missing"));  // 16 / 6
  BOOST_TEST(mentions(refusal("head_dim", 5), "head_dim must be even"));
  BOOST_TEST(mentions(refusal("num_attention_heads", 16), "head_dim must be even"));  // 16 / 16
  BOOST_TEST(with("head_dim", 128)->q_size() == 512U);
}

BOOST_AUTO_TEST_CASE(what_we_would_compute_wrongly_is_refused_with_key_and_value) {
  const auto unsupported = [](std::string_view key, const json::value& value, std::string_view says) {
    return mentions(refusal(key, value, errc::not_supported), says);
  };
  BOOST_TEST(unsupported("architectures", json::array{"BloomForCausalLM"}, "BloomForCausalLM"));
  BOOST_TEST(unsupported("hidden_act", "gelu", "hidden_act is \"gelu\""));
  BOOST_TEST(unsupported("mlp_bias", true, "mlp_bias is true"));
  BOOST_TEST(unsupported("use_mrope", true, "use_mrope is true"));
  BOOST_TEST(unsupported("use_sliding_window", true, "use_sliding_window is true"));
  BOOST_TEST(unsupported("sliding_window", 32, "sliding_window is 32"));
  BOOST_TEST(unsupported("layer_types", json::array{"full_attention", "sliding_attention"}, "layer_types"));
  BOOST_TEST(unsupported("partial_rotary_factor", 0.5, "partial_rotary_factor is 0.5"));
  BOOST_TEST(unsupported("quantization_config", json::object{{"quant_method", "gptq"}}, "gptq"));
  BOOST_TEST(unsupported("rope_scaling", json::object{{"type", "dynamic"}, {"factor", 2}},
                         "rope_scaling.type is \"dynamic\""));
  BOOST_TEST(unsupported("rope_scaling", json::object{{"rope_type", "default"}, {"mrope_section", json::array{1, 2}}},
                         "rope_scaling.mrope_section is [1,2]"));
  BOOST_TEST(unsupported("rope_parameters", json::object{{"rope_type", "dynamic"}}, "rope_parameters.rope_type"));
}

BOOST_AUTO_TEST_CASE(the_same_keys_with_harmless_values_are_accepted) {
  BOOST_TEST(refusal("hidden_act", "silu") == "");
  BOOST_TEST(refusal("sliding_window", 64) == "");
  BOOST_TEST(refusal("sliding_window", nullptr) == "");
  BOOST_TEST(refusal("partial_rotary_factor", 1.0) == "");
  BOOST_TEST(refusal("layer_types", json::array{"full_attention", "full_attention"}) == "");
  BOOST_TEST(refusal("rope_scaling", json::object{{"rope_type", "default"}}) == "");
}

BOOST_AUTO_TEST_CASE(rope_parameters_of_transformers_5_are_read) {
  auto config = with("rope_parameters", json::object{{"rope_type", "llama3"},
                                                     {"rope_theta", 5e5},
                                                     {"factor", 8},
                                                     {"low_freq_factor", 1},
                                                     {"high_freq_factor", 4},
                                                     {"original_max_position_embeddings", 8192}});
  BOOST_REQUIRE(config.has_value());
  BOOST_TEST((config->rope == rope_config{.theta = 5e5, .dims = 4, .scaling = llama3_rope_scaling{8, 1, 4, 8192}}));
}

BOOST_AUTO_TEST_CASE(incomplete_or_senseless_rope_scaling_is_refused) {
  const json::object whole{{"rope_type", "llama3"},
                           {"factor", 8},
                           {"low_freq_factor", 1},
                           {"high_freq_factor", 4},
                           {"original_max_position_embeddings", 8192}};
  BOOST_TEST(refusal("rope_scaling", whole) == "");
  for (const auto& member : whole) {
    if (member.key() == "rope_type") continue;
    auto broken = whole;
    broken.erase(member.key());
    BOOST_TEST(mentions(refusal("rope_scaling", broken), "rope_scaling." + std::string(member.key()) + " is missing"));
    broken[member.key()] = "8";
    BOOST_TEST(mentions(refusal("rope_scaling", broken), "but is \"8\""));
  }
  auto equal = whole;
  equal["high_freq_factor"] = 1;
  BOOST_TEST(mentions(refusal("rope_scaling", equal), "high_freq_factor must be above"));
  BOOST_TEST(mentions(refusal("rope_scaling", "llama3"), "rope_scaling must be an object"));
  auto both = test::small_config();
  both["rope_scaling"] = whole;
  both["rope_parameters"] = whole;
  BOOST_TEST(!parse_model_config(both).has_value());
}

BOOST_AUTO_TEST_CASE(token_ids_must_be_in_the_vocabulary) {
  BOOST_TEST(mentions(refusal("bos_token_id", 32), "bos_token_id must be from 0 to 31, but is 32"));
  for (const json::value& wrong :
       {json::value(32), json::value(-1), json::value("2"), json::value(json::array{1, 99})}) {
    BOOST_TEST(mentions(refusal("eos_token_id", wrong), "eos_token_id"));
  }
  BOOST_TEST(mentions(refusal("eos_token_id", json::array(65, 1)), "at most 64"));
  BOOST_TEST(with("eos_token_id", json::array{3, 2})->eos == (std::vector<token_id>{3, 2}),
             boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(heads_decide_over_how_many_ranks_a_model_splits) {
  auto degrees = [](uint32_t heads, uint32_t kv_heads) {
    model_config config;
    config.heads = heads;
    config.kv_heads = kv_heads;
    std::vector<uint32_t> out;
    for (uint32_t tp = 0; tp <= 16; ++tp) {
      if (can_split(config, tp)) out.push_back(tp);
    }
    return out;
  };
  BOOST_TEST(degrees(8, 4) == (std::vector<uint32_t>{1, 2, 4, 8}), boost::test_tools::per_element());
  BOOST_TEST(degrees(12, 3) == (std::vector<uint32_t>{1}), boost::test_tools::per_element());
  BOOST_TEST(degrees(14, 2) == (std::vector<uint32_t>{1, 2}), boost::test_tools::per_element());
  BOOST_TEST(degrees(8, 1) == (std::vector<uint32_t>{1, 2, 4, 8}), boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(a_long_value_is_cut_in_the_error) {
  auto text = refusal("hidden_size", json::string(10000, 'x'));
  BOOST_TEST(text.size() < 300U);
}

BOOST_AUTO_TEST_CASE(files_that_are_not_json_objects_are_named) {
  test::temporary_folder folder;
  auto detail = [&] { return read_model_config(folder.path()).err().detail; };
  BOOST_TEST(mentions(detail(), folder / "config.json"));
  folder.write("config.json", "{\"hidden_size\": ");
  BOOST_TEST(mentions(detail(), "config.json: invalid JSON at line 1"));
  folder.write("config.json", "[]");
  BOOST_TEST(mentions(detail(), "config.json: not a JSON object"));
  folder.write("config.json", "{}");
  BOOST_TEST(mentions(detail(), "config.json: architectures is missing"));
  folder.write("config.json", json::serialize(test::small_config()));
  BOOST_TEST(read_model_config(folder.path()).has_value());
}

BOOST_AUTO_TEST_CASE(the_bundled_model_is_read) {
  const std::string folder = test::source_folder() + "/models/troupe-tiny";
  auto config = read_model_config(folder);
  BOOST_REQUIRE(config.has_value());
  BOOST_TEST(can_split(*config, 4));
  auto defaults = read_generation_defaults(folder, *config);
  BOOST_REQUIRE(defaults.has_value());
  BOOST_TEST(!defaults->eos.empty());
}

BOOST_AUTO_TEST_CASE(generation_defaults_come_from_the_file) {
  auto config = *parse_model_config(test::small_config());
  auto parse = [&](const char* text) { return *parse_generation_defaults(json::parse(text), config); };
  auto all = parse(R"({"temperature":0.7,"top_p":0.8,"top_k":20,"min_p":0.05,"repetition_penalty":1.05,
                       "do_sample":true,"eos_token_id":[5,6],"pad_token_id":0,"transformers_version":"4.37.0"})");
  BOOST_TEST((all == generation_defaults{0.7F, 0.8F, 20, 0.05F, 1.05F, {5, 6}}));
  BOOST_TEST((parse("{}") == generation_defaults{1, 1, 0, 0, 1, {2}}));
  BOOST_TEST(parse(R"({"do_sample":false,"temperature":0.7})").temperature == 0.0F);
  BOOST_TEST(parse(R"({"eos_token_id":7})").eos == std::vector<token_id>{7}, boost::test_tools::per_element());
  BOOST_TEST(parse(R"({"top_k":-1})").top_k == 0U);
  BOOST_TEST(parse(R"({"top_p":0.0})").top_p > 0.0F);
}

BOOST_AUTO_TEST_CASE(generation_defaults_out_of_their_range_are_refused) {
  auto config = *parse_model_config(test::small_config());
  for (const char* text : {R"({"temperature":-1})", R"({"temperature":2.5})", R"({"top_p":1.5})", R"({"top_k":1.5})",
                           R"({"top_k":-2})", R"({"min_p":2})", R"({"repetition_penalty":0})", R"({"do_sample":1})",
                           R"({"eos_token_id":32})", R"({"eos_token_id":"2"})", "[]"}) {
    auto defaults = parse_generation_defaults(json::parse(text), config);
    BOOST_TEST(!defaults.has_value(), "accepted: " << text);
  }
}

BOOST_AUTO_TEST_CASE(without_a_generation_config_the_configs_eos_counts) {
  test::temporary_folder folder;
  auto config = *parse_model_config(test::small_config());
  auto defaults = read_generation_defaults(folder.path(), config);
  BOOST_REQUIRE(defaults.has_value());
  BOOST_TEST((*defaults == generation_defaults{1, 1, 0, 0, 1, {2}}));
  folder.write("generation_config.json", "{\"top_p\": 2}");
  BOOST_TEST(
      mentions(read_generation_defaults(folder.path(), config).err().detail, "generation_config.json: top_p must be"));
}

}  // namespace
}  // namespace troupe
