// Embeddings over a real socket, from a cluster that answers on several threads at once.
#include <deque>
#include <thread>

#include "tests/conformance/http/running_server.hpp"

namespace troupe {
namespace {

/// Threads that answer what is asked of them: an input of one token n with the n-th of four directions.
class answering_threads {
 public:
  explicit answering_threads(fake_cluster& cluster) : cluster_(cluster) {
    cluster.instead = [this](generate_request request, std::shared_ptr<answer_sink> sink) {
      std::lock_guard lock(mutex_);
      asked_.emplace_back(std::move(request), std::move(sink));
      changed_.notify_one();
      return std::make_unique<nothing_running>();
    };
    for (int i = 0; i < 4; ++i) threads_.emplace_back([this] { answer(); });
  }
  ~answering_threads() {
    {
      std::lock_guard lock(mutex_);
      ending_ = true;
      changed_.notify_all();
    }
    for (auto& thread : threads_) thread.join();
    cluster_.instead = nullptr;
  }
  answering_threads(const answering_threads&) = delete;
  answering_threads& operator=(const answering_threads&) = delete;

 private:
  struct nothing_running final : running_request {
    void resume() override {}
  };

  void answer() {
    for (;;) {
      std::unique_lock lock(mutex_);
      changed_.wait(lock, [this] { return ending_ || !asked_.empty(); });
      if (asked_.empty()) return;
      auto [request, sink] = std::move(asked_.front());
      asked_.pop_front();
      lock.unlock();
      fake_stream stream(std::move(request), std::move(sink));
      std::vector<float> direction(4);
      direction[stream.request.prompt.at(0) % 4] = 1;
      stream.embed(std::move(direction));
    }
  }

  fake_cluster& cluster_;
  std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<std::pair<generate_request, std::shared_ptr<answer_sink>>> asked_;
  bool ending_ = false;
  std::vector<std::thread> threads_;
};

std::string call_for(size_t inputs) {
  std::string body = R"({"model":"tiny","input":[[0])";
  for (size_t i = 1; i < inputs; ++i) body += ",[" + std::to_string(i) + "]";
  return running_server::post("/v1/embeddings", body + "]}");
}

BOOST_FIXTURE_TEST_SUITE(embeddings, running_server)

BOOST_AUTO_TEST_CASE(each_input_gets_its_own_embedding_whoever_answers_first) {
  answering_threads threads(cluster);
  for (const size_t inputs : {1, 31, 32, 33, 700}) {
    auto response = ask(call_for(inputs));
    BOOST_REQUIRE(response.status == 200);
    BOOST_TEST(response.fields["content-type"] == "application/json");
    auto body = parse_json(response.body);
    BOOST_REQUIRE(body.has_value());
    const auto& data = body->at("data").get_array();
    BOOST_REQUIRE(data.size() == inputs);
    for (size_t i = 0; i < inputs; ++i) {
      BOOST_TEST(data[i].at("index").to_number<size_t>() == i);
      BOOST_TEST(data[i].at("embedding").at(i % 4).to_number<double>() == 1);
    }
    BOOST_TEST(body->at("usage").at("prompt_tokens").to_number<size_t>() == inputs);
  }
  events.wait_for("embeddings 200", 5);
  BOOST_TEST(events.line(4)["prompt_tokens"] == "700");
}

BOOST_AUTO_TEST_CASE(a_client_that_leaves_frees_what_runs_for_it) {
  raw_client client(port());
  client.send(call_for(100));
  for (size_t i = 0; i < 32; ++i) BOOST_REQUIRE(cluster.stream(i));
  client.close(true);
  for (size_t i = 0; i < 32; ++i) cluster.stream(i)->wait_until_cancelled();
  events.wait_for("cancelled disconnected");
  BOOST_TEST(cluster.streams() == 32u);
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace
}  // namespace troupe
