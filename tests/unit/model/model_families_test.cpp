// What the families' published config.json mean: sizes by the number of weights that their model cards give, and
// traits.
#include <boost/json/parse.hpp>
#include <boost/test/unit_test.hpp>

#include "shards/model/model_config.hpp"
#include "shards/model/weight_files.hpp"
#include "tests/support/mentions.hpp"
#include "tests/unit/model/small_model.hpp"

namespace troupe {
namespace {

namespace json = boost::json;

using test::mentions;

model_config published(const char* text) {
  auto config = parse_model_config(json::parse(text));
  BOOST_REQUIRE_MESSAGE(config.has_value(), (config ? "" : config.err().detail));
  return *config;
}

/// The small config as one of another class, with some members of its own.
json::object small(std::string_view class_name, const json::object& members) {
  json::object config = test::small_config();
  config["architectures"] = json::array{class_name};
  for (const auto& member : members) config[member.key()] = member.value();
  return config;
}

model_config read(std::string_view class_name, const json::object& members) {
  auto config = parse_model_config(small(class_name, members));
  BOOST_REQUIRE_MESSAGE(config.has_value(), (config ? "" : config.err().detail));
  return *config;
}

std::string refusal(std::string_view class_name, const json::object& members) {
  auto config = parse_model_config(small(class_name, members));
  return config ? "" : config.err().detail;
}

constexpr const char* qwen3 = "Qwen3ForCausalLM";
constexpr const char* moe = "Qwen3MoeForCausalLM";
constexpr const char* mixtral = "MixtralForCausalLM";
constexpr const char* mistral = "MistralForCausalLM";
constexpr const char* phi3 = "Phi3ForCausalLM";
constexpr const char* gemma2 = "Gemma2ForCausalLM";
constexpr const char* gemma3 = "Gemma3ForCausalLM";

const json::object experts{{"num_experts", 4}, {"num_experts_per_tok", 2}, {"moe_intermediate_size", 8}};

// Mistral 7B 0.1.
BOOST_AUTO_TEST_CASE(mistral_has_a_window_in_every_layer) {
  const model_config config = published(R"({
    "architectures": ["MistralForCausalLM"], "bos_token_id": 1, "eos_token_id": 2, "hidden_act": "silu",
    "hidden_size": 4096, "initializer_range": 0.02, "intermediate_size": 14336, "max_position_embeddings": 32768,
    "model_type": "mistral", "num_attention_heads": 32, "num_hidden_layers": 32, "num_key_value_heads": 8,
    "rms_norm_eps": 1e-05, "rope_theta": 10000.0, "sliding_window": 4096, "tie_word_embeddings": false,
    "torch_dtype": "bfloat16", "use_cache": true, "vocab_size": 32000})");
  BOOST_TEST(parameter_count(config) == 7'241'732'096U);
  BOOST_TEST(config.window == 4096U);
  BOOST_TEST((config.sliding == std::vector<bool>(32, true)));
  BOOST_TEST(!config.qkv_bias);
}

BOOST_AUTO_TEST_CASE(a_window_may_be_none_or_the_familys_own_or_longer_than_any_sequence) {
  BOOST_TEST(read(mistral, {{"sliding_window", nullptr}}).window == 0U);
  BOOST_TEST(read(mistral, {{"max_position_embeddings", 8192}}).window == 4096U);  // transformers' default
  BOOST_TEST(read(mistral, {{"sliding_window", 64}}).window == 0U);                // There are 64 positions.
  BOOST_TEST(read(mistral, {{"sliding_window", 63}}).window == 63U);
  BOOST_TEST(mentions(refusal(mistral, {{"sliding_window", 0}}), "sliding_window must be from 1"));
  BOOST_TEST(read(phi3, {{"max_position_embeddings", 8192}}).window == 0U);
}

BOOST_AUTO_TEST_CASE(types_of_layers_must_be_those_that_the_family_computes) {
  const json::array mixed{"sliding_attention", "full_attention"};
  const json::array all(2, "sliding_attention");
  BOOST_TEST(read(mistral, {{"sliding_window", 8}, {"layer_types", all}}).window == 8U);
  BOOST_TEST(mentions(refusal(mistral, {{"sliding_window", 8}, {"layer_types", mixed}}), "layer_types"));
  BOOST_TEST(mentions(refusal(mistral, {{"sliding_window", nullptr}, {"layer_types", all}}), "layer_types"));
  BOOST_TEST(mentions(refusal(qwen3, {{"layer_types", all}}), "layer_types must be full_attention without a window"));
  BOOST_TEST(mentions(refusal(qwen3, {{"layer_types", json::array{"full_attention"}}}), "num_hidden_layers (2)"));
  BOOST_TEST(mentions(refusal(gemma2, {{"layer_types", json::array(2, "chunked_attention")}}), "layer_types"));
  BOOST_TEST((read(gemma2, {{"sliding_window", 8}, {"layer_types", json::array{"full_attention", "sliding_attention"}}})
                  .sliding == std::vector<bool>{false, true}));
}

// Qwen3 0.6B.
BOOST_AUTO_TEST_CASE(qwen3_norms_queries_and_keys_of_heads_that_do_not_make_up_the_hidden_size) {
  const model_config config = published(R"({
    "architectures": ["Qwen3ForCausalLM"], "attention_bias": false, "attention_dropout": 0.0, "bos_token_id": 151643,
    "eos_token_id": 151645, "head_dim": 128, "hidden_act": "silu", "hidden_size": 1024, "initializer_range": 0.02,
    "intermediate_size": 3072, "max_position_embeddings": 40960, "max_window_layers": 28, "model_type": "qwen3",
    "num_attention_heads": 16, "num_hidden_layers": 28, "num_key_value_heads": 8, "rms_norm_eps": 1e-06,
    "rope_scaling": null, "rope_theta": 1000000, "sliding_window": null, "tie_word_embeddings": true,
    "torch_dtype": "bfloat16", "use_cache": true, "use_sliding_window": false, "vocab_size": 151936})");
  BOOST_TEST(parameter_count(config) == 596'049'920U);
  BOOST_TEST(config.qk_norm);
  BOOST_TEST(config.q_size() == 2048U);
  BOOST_TEST(config.window == 0U);
}

BOOST_AUTO_TEST_CASE(qwens_window_counts_where_it_is_switched_on_and_from_a_layer_on) {
  for (const char* name : {qwen3, "Qwen2ForCausalLM"}) {
    const model_config config =
        read(name, {{"use_sliding_window", true}, {"sliding_window", 8}, {"max_window_layers", 1}});
    BOOST_TEST(config.window == 8U);
    BOOST_TEST((config.sliding == std::vector<bool>{false, true}));
    BOOST_TEST(read(name, {{"sliding_window", 8}, {"max_window_layers", 1}}).window == 0U);
  }
}

// Phi-3 mini 4k and 128k.
BOOST_AUTO_TEST_CASE(phi3_has_projections_in_one_tensor_and_longrope) {
  const char* plain = R"({
    "architectures": ["Phi3ForCausalLM"], "attention_dropout": 0.0, "bos_token_id": 1, "embd_pdrop": 0.0,
    "eos_token_id": 32000, "hidden_act": "silu", "hidden_size": 3072, "intermediate_size": 8192,
    "max_position_embeddings": 4096, "model_type": "phi3", "num_attention_heads": 32, "num_hidden_layers": 32,
    "num_key_value_heads": 32, "original_max_position_embeddings": 4096, "pad_token_id": 32000, "resid_pdrop": 0.0,
    "rms_norm_eps": 1e-05, "rope_scaling": null, "rope_theta": 10000.0, "sliding_window": 2047,
    "tie_word_embeddings": false, "torch_dtype": "bfloat16", "use_cache": true, "attention_bias": false,
    "vocab_size": 32064})";
  const model_config config = published(plain);
  BOOST_TEST(parameter_count(config) == 3'821'079'552U);
  BOOST_TEST(config.fused_projections);
  BOOST_TEST(config.window == 2047U);

  json::object object = json::parse(plain).as_object();
  object["max_position_embeddings"] = 131072;
  object["sliding_window"] = 262144;
  object["rope_scaling"] =
      json::object{{"type", "su"}, {"short_factor", json::array(48, 1.5)}, {"long_factor", json::array(48, 20.25)}};
  const auto extended = parse_model_config(object);
  BOOST_REQUIRE_MESSAGE(extended.has_value(), (extended ? "" : extended.err().detail));
  const auto* longrope = std::get_if<longrope_scaling>(&extended->rope.scaling);
  BOOST_REQUIRE(longrope != nullptr);
  BOOST_TEST(longrope->factor == 32.0);
  BOOST_TEST(longrope->original_context == 4096U);
  BOOST_TEST(longrope->long_factors.size() == 48U);
  BOOST_TEST(extended->window == 0U);
}

BOOST_AUTO_TEST_CASE(a_part_of_a_head_is_rotated_where_the_family_does_so) {
  BOOST_TEST(read(phi3, {{"head_dim", 16}, {"partial_rotary_factor", 0.75}}).rope.dims == 12U);
  BOOST_TEST(mentions(refusal(phi3, {{"head_dim", 8}, {"partial_rotary_factor", 0.4}}), "makes 3 of 8"));
  BOOST_TEST(mentions(refusal(mistral, {{"partial_rotary_factor", 0.5}}), "partial_rotary_factor is 0.5"));
  BOOST_TEST(mentions(refusal(phi3, {{"lm_head_bias", true}}), "lm_head_bias is true"));
}

BOOST_AUTO_TEST_CASE(incomplete_scalings_are_refused_by_their_keys) {
  const auto scaled = [](const json::object& scaling) { return refusal(phi3, {{"rope_scaling", scaling}}); };
  BOOST_TEST(mentions(scaled({{"type", "linear"}}), "rope_scaling.factor is missing"));
  BOOST_TEST(mentions(scaled({{"type", "yarn"}, {"factor", 4}}), "original_max_position_embeddings is missing"));
  const json::object yarn{{"type", "yarn"}, {"factor", 4}, {"original_max_position_embeddings", 16}};
  BOOST_TEST(scaled(yarn) == "");
  json::object wrong = yarn;
  wrong["beta_fast"] = 1;
  BOOST_TEST(mentions(scaled(wrong), "rope_scaling.beta_fast must be above beta_slow"));
  BOOST_TEST(mentions(refusal(phi3, {{"rope_scaling", yarn}, {"rope_theta", 1}}), "rope_theta must be above 1"));
  const json::object longrope{{"rope_type", "longrope"},
                              {"original_max_position_embeddings", 16},
                              {"short_factor", json::array{1, 1}},
                              {"long_factor", json::array{1, 2}}};
  BOOST_TEST(scaled(longrope) == "");
  for (const json::value& list : {json::value(json::array{1}), json::value(json::array{1, 0}), json::value(2)}) {
    wrong = longrope;
    wrong["long_factor"] = list;
    BOOST_TEST(mentions(scaled(wrong), "rope_scaling.long_factor must be a list of 2 numbers"));
  }
  wrong = longrope;
  wrong["short_mscale"] = 1.2;
  BOOST_TEST(mentions(scaled(wrong), "rope_scaling.short_mscale is 1.2"));
}

// Gemma 2 2B, whose file leaves tie_word_embeddings out.
BOOST_AUTO_TEST_CASE(gemma2_has_caps_norms_around_everything_and_windows_in_every_other_layer) {
  const model_config config = published(R"({
    "architectures": ["Gemma2ForCausalLM"], "attention_bias": false, "attention_dropout": 0.0,
    "attn_logit_softcapping": 50.0, "bos_token_id": 2, "cache_implementation": "hybrid", "eos_token_id": 1,
    "final_logit_softcapping": 30.0, "head_dim": 256, "hidden_act": "gelu_pytorch_tanh",
    "hidden_activation": "gelu_pytorch_tanh", "hidden_size": 2304, "initializer_range": 0.02,
    "intermediate_size": 9216, "max_position_embeddings": 8192, "model_type": "gemma2", "num_attention_heads": 8,
    "num_hidden_layers": 26, "num_key_value_heads": 4, "pad_token_id": 0, "query_pre_attn_scalar": 256,
    "rms_norm_eps": 1e-06, "rope_theta": 10000.0, "sliding_window": 4096, "torch_dtype": "float32", "use_cache": true,
    "vocab_size": 256000})");
  BOOST_TEST(parameter_count(config) == 2'614'341'888U);
  BOOST_TEST(config.tied_embeddings);
  BOOST_TEST(config.score_softcap == 50.0);
  BOOST_TEST(config.logits_softcap == 30.0);
  BOOST_TEST(config.score_scalar == 256.0);
  BOOST_TEST(config.embedding_scale == 48.0);
  BOOST_TEST((config.gate == activation::gelu_tanh));
  BOOST_TEST(config.norms_less_one);
  BOOST_TEST(config.output_norms);
  BOOST_TEST(config.is_sliding(0));
  BOOST_TEST(!config.is_sliding(1));
}

// Gemma 3 1B.
BOOST_AUTO_TEST_CASE(gemma3_has_rotations_of_its_own_in_layers_with_a_window) {
  const model_config config = published(R"({
    "architectures": ["Gemma3ForCausalLM"], "attention_bias": false, "attention_dropout": 0.0,
    "attn_logit_softcapping": null, "bos_token_id": 2, "cache_implementation": "hybrid", "eos_token_id": [1, 106],
    "final_logit_softcapping": null, "head_dim": 256, "hidden_activation": "gelu_pytorch_tanh", "hidden_size": 1152,
    "initializer_range": 0.02, "intermediate_size": 6912, "max_position_embeddings": 32768,
    "model_type": "gemma3_text", "num_attention_heads": 4, "num_hidden_layers": 26, "num_key_value_heads": 1,
    "pad_token_id": 0, "query_pre_attn_scalar": 256, "rms_norm_eps": 1e-06, "rope_local_base_freq": 10000,
    "rope_scaling": null, "rope_theta": 1000000, "sliding_window": 512, "sliding_window_pattern": 6,
    "torch_dtype": "bfloat16", "use_cache": true, "vocab_size": 262144})");
  BOOST_TEST(parameter_count(config) == 999'885'952U);
  BOOST_TEST(config.qk_norm);
  BOOST_TEST(config.score_softcap == 0.0);
  BOOST_TEST(config.logits_softcap == 0.0);
  BOOST_TEST(config.rope.theta == 1e6);
  BOOST_REQUIRE(config.sliding_rope.has_value());
  BOOST_TEST(config.sliding_rope->theta == 1e4);
  BOOST_TEST(config.window == 512U);
  for (uint32_t layer = 0; layer < 26; ++layer) BOOST_TEST(config.is_sliding(layer) == (layer % 6 != 5));
  BOOST_TEST(mentions(refusal(gemma3, {{"attn_logit_softcapping", 50}}), "attn_logit_softcapping is 50"));
  BOOST_TEST(mentions(refusal(gemma3, {{"use_bidirectional_attention", true}}), "use_bidirectional_attention"));
  BOOST_TEST(mentions(refusal(gemma3, {{"hidden_activation", "gelu"}}), "hidden_activation is \"gelu\""));
  BOOST_TEST(mentions(refusal(gemma3, {{"sliding_window", nullptr}}), "sliding_window is missing"));
}

BOOST_AUTO_TEST_CASE(rotations_of_two_kinds_are_read_as_transformers_5_writes_them) {
  const json::object both{
      {"full_attention", {{"rope_type", "linear"}, {"rope_theta", 5e5}, {"factor", 8}}},
      {"sliding_attention", {{"rope_type", "default"}, {"rope_theta", 2e4}}},
  };
  const model_config config = read(gemma3, {{"rope_parameters", both}});
  BOOST_TEST(config.rope.theta == 5e5);
  BOOST_TEST((config.rope.scaling == rope_scaling(linear_rope_scaling{8})));
  BOOST_TEST(config.sliding_rope->theta == 2e4);
  BOOST_TEST((config.sliding_rope->scaling == rope_scaling()));
  json::object wrong = both;
  wrong["chunked_attention"] = json::object{};
  BOOST_TEST(mentions(refusal(gemma3, {{"rope_parameters", wrong}}), "rope_parameters.chunked_attention is {}"));
  wrong = both;
  wrong["full_attention"] = json::object{{"rope_type", "dynamic"}};
  BOOST_TEST(mentions(refusal(gemma3, {{"rope_parameters", wrong}}), "rope_parameters.full_attention.rope_type"));
}

// Mixtral 8x7B.
BOOST_AUTO_TEST_CASE(mixtral_has_experts_in_every_layer) {
  const model_config config = published(R"({
    "architectures": ["MixtralForCausalLM"], "attention_dropout": 0.0, "bos_token_id": 1, "eos_token_id": 2,
    "hidden_act": "silu", "hidden_size": 4096, "initializer_range": 0.02, "intermediate_size": 14336,
    "max_position_embeddings": 32768, "model_type": "mixtral", "num_attention_heads": 32, "num_experts_per_tok": 2,
    "num_hidden_layers": 32, "num_key_value_heads": 8, "num_local_experts": 8, "output_router_logits": false,
    "rms_norm_eps": 1e-05, "rope_theta": 1000000.0, "router_aux_loss_coef": 0.02, "sliding_window": null,
    "tie_word_embeddings": false, "torch_dtype": "bfloat16", "use_cache": true, "vocab_size": 32000})");
  BOOST_TEST(parameter_count(config) == 46'702'792'704U);
  BOOST_TEST((config.experts == expert_config{8, 2, 14336, true, true}));
  BOOST_TEST((config.sparse == std::vector<bool>(32, true)));
}

// Qwen3 30B A3B.
BOOST_AUTO_TEST_CASE(qwen3_moe_has_many_small_experts) {
  const model_config config = published(R"({
    "architectures": ["Qwen3MoeForCausalLM"], "attention_bias": false, "attention_dropout": 0.0, "bos_token_id": 151643,
    "decoder_sparse_step": 1, "eos_token_id": 151645, "head_dim": 128, "hidden_act": "silu", "hidden_size": 2048,
    "initializer_range": 0.02, "intermediate_size": 6144, "max_position_embeddings": 40960, "max_window_layers": 48,
    "mlp_only_layers": [], "model_type": "qwen3_moe", "moe_intermediate_size": 768, "norm_topk_prob": true,
    "num_attention_heads": 32, "num_experts": 128, "num_experts_per_tok": 8, "num_hidden_layers": 48,
    "num_key_value_heads": 4, "output_router_logits": false, "rms_norm_eps": 1e-06, "rope_scaling": null,
    "rope_theta": 1000000.0, "router_aux_loss_coef": 0.001, "sliding_window": null, "tie_word_embeddings": false,
    "torch_dtype": "bfloat16", "use_cache": true, "use_sliding_window": false, "vocab_size": 151936})");
  BOOST_TEST(parameter_count(config) == 30'532'122'624U);
  BOOST_TEST((config.experts == expert_config{128, 8, 768, true, false}));
}

BOOST_AUTO_TEST_CASE(some_layers_of_qwen3_moe_may_have_one_mlp) {
  json::object members = experts;
  members["num_hidden_layers"] = 6;
  members["decoder_sparse_step"] = 2;
  members["mlp_only_layers"] = json::array{5};
  const model_config config = read(moe, members);
  BOOST_TEST((config.sparse == std::vector<bool>{false, true, false, true, false, false}));
  BOOST_TEST(!config.experts->normalised);  // transformers' default
  const auto wrong = [&](std::string_view key, json::value value) {
    json::object changed = experts;
    changed[key] = std::move(value);
    return refusal(moe, changed);
  };
  BOOST_TEST(mentions(wrong("num_experts", nullptr), "num_experts is missing"));
  BOOST_TEST(mentions(wrong("num_experts", 1025), "num_experts must be from 1 to 1024"));
  BOOST_TEST(mentions(wrong("num_experts_per_tok", 5), "num_experts_per_tok must be from 1 to 4"));
  BOOST_TEST(mentions(wrong("moe_intermediate_size", 0), "moe_intermediate_size must be from 1"));
  BOOST_TEST(mentions(wrong("decoder_sparse_step", 0), "decoder_sparse_step must be from 1"));
  for (const json::value& list : {json::value(json::array{2}), json::value(json::array{-1}), json::value(0)})
    BOOST_TEST(mentions(wrong("mlp_only_layers", list), "mlp_only_layers must be a list of whole numbers below 2"));
  BOOST_TEST(mentions(refusal(mixtral, {{"num_experts_per_tok", 2}}), "num_local_experts is missing"));
  BOOST_TEST(mentions(refusal(mixtral, {{"num_local_experts", 1024}, {"num_hidden_layers", 100}}),
                      "num_local_experts must be at most 655"));
}

BOOST_AUTO_TEST_CASE(tensors_have_the_names_of_their_family) {
  const auto has = [](const model_config& config, std::string_view name, std::vector<uint64_t> shape) {
    const auto tensors = expected_tensors(config);
    const auto found = std::ranges::find(tensors, name, &expected_tensor::name);
    return found != tensors.end() && found->shape == shape;
  };
  const std::string layer = "model.layers.1.";
  BOOST_TEST(has(read(qwen3, {{"head_dim", 8}}), layer + "self_attn.q_norm.weight", {8}));
  BOOST_TEST(has(read(phi3, {}), layer + "self_attn.qkv_proj.weight", {32, 16}));
  BOOST_TEST(has(read(phi3, {}), layer + "mlp.gate_up_proj.weight", {48, 16}));
  BOOST_TEST(!has(read(phi3, {}), layer + "self_attn.q_proj.weight", {16, 16}));
  BOOST_TEST(has(read(gemma2, {}), layer + "pre_feedforward_layernorm.weight", {16}));
  BOOST_TEST(has(read(moe, experts), layer + "mlp.gate.weight", {4, 16}));
  BOOST_TEST(has(read(moe, experts), layer + "mlp.experts.3.down_proj.weight", {16, 8}));
  const model_config mixed = read(mixtral, {{"num_local_experts", 3}, {"num_experts_per_tok", 2}});
  BOOST_TEST(has(mixed, layer + "block_sparse_moe.gate.weight", {3, 16}));
  BOOST_TEST(has(mixed, layer + "block_sparse_moe.experts.2.w2.weight", {16, 24}));
}

}  // namespace
}  // namespace troupe
