// What a gateway reads of a deployment's model, from files to the request that a client gets.
#include <boost/test/unit_test.hpp>
#include <filesystem>

#include "gateway/api/completion_request.hpp"
#include "gateway/cluster/served_models.hpp"
#include "tests/support/temporary_folder.hpp"
#include "tests/unit/gateway/fake_cluster.hpp"

namespace troupe {
namespace {

// The bundled model's folder without its weights, which no gateway reads, to be changed by a test.
struct model_folder {
  model_folder() {
    for (auto file : {"config.json", "tokenizer.json", "tokenizer_config.json", "generation_config.json"}) {
      std::filesystem::copy(source_folder() + "/models/troupe-tiny/" + file, path() + "/" + file);
    }
    deployment_config deployment;
    deployment.name = "story";
    deployment.aliases = {"default"};
    deployment.model = path();
    config.deployments = {deployment};
  }

  const std::string& path() const { return folder.path(); }
  void write(std::string_view file, std::string_view text) const { folder.write(file, text); }
  std::shared_ptr<const served_model> load() const {
    auto models = load_served_models(config, time);
    BOOST_REQUIRE_MESSAGE(models.has_value(), (models.has_value() ? "" : models.err().detail));
    return models->at(0);
  }
  std::string refusal() const {
    auto models = load_served_models(config, time);
    return models.has_value() ? "loaded" : models.err().detail;
  }
  // The sampling of a request to this model.
  sampling_params asked_with(std::string_view members) {
    fake_cluster cluster;
    cluster.tiny = std::make_shared<served_model>(*load());
    counting_random random;
    call_context context{.cluster = cluster, .time = time, .random = random, .request_id = "r", .choices_max = 16};
    auto call =
        parse_completion_request(R"({"model":"story","prompt":"a","seed":1)" + std::string(members) + "}", context);
    BOOST_REQUIRE(call);
    return call->requests.at(0).sampling;
  }

  test::temporary_folder folder;
  manual_clock time;
  cluster_config config;
};

BOOST_FIXTURE_TEST_SUITE(served_models, model_folder)

BOOST_AUTO_TEST_CASE(a_request_that_says_nothing_is_sampled_as_generation_config_says) {
  write("generation_config.json",
        R"({"temperature":0.25,"top_p":0.5,"top_k":7,"min_p":0.125,"repetition_penalty":1.25,"eos_token_id":4})");
  sampling_params of_model{
      .temperature = 0.25F, .top_p = 0.5F, .top_k = 7, .min_p = 0.125F, .repetition_penalty = 1.25F, .seed = 1};
  BOOST_TEST((asked_with("") == of_model));
  BOOST_TEST((asked_with(R"(,"temperature":null,"top_k":null)") == of_model));
  auto asked = asked_with(R"(,"temperature":1,"top_p":1,"top_k":0,"min_p":0,"repetition_penalty":1)");
  BOOST_TEST((asked == sampling_params{.seed = 1}));
  BOOST_TEST((load()->eos == std::vector<token_id>{4}));
}

BOOST_AUTO_TEST_CASE(without_a_generation_config_the_defaults_are_openais) {
  std::filesystem::remove(path() + "/generation_config.json");
  BOOST_TEST((asked_with("") == sampling_params{.seed = 1}));
}

BOOST_AUTO_TEST_CASE(a_model_that_does_not_sample_is_greedy) {
  write("generation_config.json", R"({"do_sample":false,"temperature":0.6})");
  BOOST_TEST(asked_with("").temperature == 0);
  BOOST_TEST(asked_with(R"(,"temperature":0.5)").temperature == 0.5F);
}

BOOST_AUTO_TEST_CASE(a_model_is_named_by_its_deployment) {
  auto model = load();
  BOOST_TEST(model->id == "story");
  BOOST_TEST((model->aliases == std::vector<std::string>{"default"}));
  BOOST_TEST(model->vocab_size == 2048u);
  BOOST_TEST(model->context_max == 1024u);
  BOOST_TEST(model->created == 1'700'000'001);
  BOOST_REQUIRE(model->chat);
}

BOOST_AUTO_TEST_CASE(the_context_is_no_longer_than_the_cache_of_a_group) {
  config.deployments[0].kv_positions = 512;
  BOOST_TEST(load()->context_max == 512u);
}

BOOST_AUTO_TEST_CASE(a_model_without_a_template_has_no_chat) {
  write("tokenizer_config.json", R"({"bos_token":"<|endoftext|>"})");
  BOOST_TEST(!load()->chat);
}

BOOST_AUTO_TEST_CASE(what_cannot_be_read_is_named) {
  const std::string file = path() + "/generation_config.json";
  write("generation_config.json", R"({"temperature":"hot"})");
  BOOST_TEST(refusal().starts_with("deployment story: " + file));
  BOOST_TEST(refusal().find("temperature") != std::string::npos);
  std::filesystem::remove(file);
  write("tokenizer_config.json", R"({"chat_template":"{% if %}"})");
  BOOST_TEST(refusal().starts_with("deployment story: " + path()));
  BOOST_TEST(refusal().find("chat_template: line 1") != std::string::npos);
  std::filesystem::remove(path() + "/tokenizer.json");
  BOOST_TEST(refusal().find(path() + "/tokenizer.json") != std::string::npos);
  config.deployments[0].model = path() + "/nowhere";
  BOOST_TEST(refusal().find(path() + "/nowhere") != std::string::npos);
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace
}  // namespace troupe
