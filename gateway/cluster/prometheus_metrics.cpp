#include "gateway/cluster/prometheus_metrics.hpp"

#include <prometheus/counter.h>
#include <prometheus/gauge.h>
#include <prometheus/histogram.h>
#include <prometheus/registry.h>
#include <prometheus/text_serializer.h>

namespace troupe {
namespace {

using prometheus::Counter;
using prometheus::Gauge;
using prometheus::Histogram;

double seconds(duration d) { return std::chrono::duration<double>(d).count(); }

const Histogram::BucketBoundaries request_buckets{0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300};
const Histogram::BucketBoundaries token_buckets{0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05,
                                                0.1,    0.25,  0.5,    1,     2.5,  5};

struct families {
  explicit families(prometheus::Registry& r)
      : requests(
            counter(r, "troupe_requests_total", "Requests that ended, by outcome: ok, cancelled or an error's name")),
        requests_running(gauge(r, "troupe_requests_running", "Requests under way on this gateway")),
        prompt_tokens(counter(r, "troupe_prompt_tokens_total", "Prompt tokens of requests that ended")),
        completion_tokens(counter(r, "troupe_completion_tokens_total", "Tokens generated for requests that ended")),
        frames_refused(counter(r, "troupe_frames_refused_total",
                               "Envelopes and tokens refused: corrupt, cluster, no_receiver, generation, order")),
        next_token(
            histogram(r, "troupe_time_per_output_token_seconds", "Between two tokens of one stream, failovers apart")),
        stream_resumed(histogram(r, "troupe_failover_resume_seconds",
                                 "From the loss of a stream's group to its next token from another")),
        failover_detect(
            histogram(r, "troupe_failover_detect_seconds", "From a failed group's last sign of life to the decision")),
        group_recovery(histogram(r, "troupe_group_recovery_seconds",
                                 "From a group's failure to its next incarnation's readiness")),
        group_restarts(counter(r, "troupe_group_failures_total", "Failures of a group: restarted, gave_up")),
        group_ready(gauge(r, "troupe_group_ready", "1 while the group takes streams and its leader reports")),
        running(gauge(r, "troupe_group_sequences_running", "Streams in the group's batch")),
        waiting(gauge(r, "troupe_group_sequences_waiting", "Streams that wait for a place in the batch")),
        kv_used(gauge(r, "troupe_group_kv_pages_used", "Pages of the KV cache that streams use")),
        kv_total(gauge(r, "troupe_group_kv_pages", "Pages of the KV cache")),
        steps(gauge(r, "troupe_group_steps", "Steps since the incarnation began")),
        prefilled(gauge(r, "troupe_group_prefilled_tokens", "Prompt tokens prefilled since the incarnation began")),
        generated(gauge(r, "troupe_group_generated_tokens", "Tokens generated since the incarnation began")),
        preemptions(gauge(r, "troupe_group_preemptions", "Streams preempted since the incarnation began")),
        kv_cached(gauge(r, "troupe_group_kv_pages_cached", "Unused pages that are kept for the prefix cache")),
        prefix_queried(gauge(r, "troupe_group_prefix_cache_queried_tokens",
                             "Tokens of streams that began to run since the incarnation began")),
        prefix_hit(gauge(r, "troupe_group_prefix_cache_hit_tokens",
                         "Those of them whose keys and values were in the prefix cache")),
        prefix_evicted(gauge(r, "troupe_group_prefix_cache_evicted_pages",
                             "Pages that the prefix cache gave up to make room since the incarnation began")),
        drafted(gauge(r, "troupe_group_drafted_tokens", "Tokens that speculation guessed since the incarnation began")),
        accepted(gauge(r, "troupe_group_accepted_tokens", "Those of them that were right")),
        queue_seconds(gauge(r, "troupe_group_queue_seconds",
                            "How long the last streams waited for a place in the batch, by quantile")),
        busy_seconds(gauge(r, "troupe_group_busy_seconds",
                           "Time with a step under way, or between two that follow each other, since the incarnation "
                           "began")),
        model_seconds(gauge(r, "troupe_group_model_seconds",
                            "Of that, inside the model: the rest is scheduling, choosing tokens and messages")),
        step_seconds(gauge(r, "troupe_group_step_seconds", "Duration of the last steps, by quantile")),
        connections(gauge(r, "troupe_http_connections", "Open client connections")),
        connections_refused(
            counter(r, "troupe_http_connections_refused_total", "Client connections refused, by limit")),
        http_requests(counter(r, "troupe_http_requests_total", "Answered HTTP requests, by route and status")),
        http_seconds(
            histogram(r, "troupe_http_request_seconds", "From a request's head to the last byte of its answer")),
        first_token(histogram(r, "troupe_time_to_first_token_seconds", "From a request's head to its first text")),
        cancelled(counter(r, "troupe_http_cancelled_total",
                          "Answers cut off, by reason: disconnected, slow_client, stopped")) {}

  using counters = prometheus::Family<Counter>;
  using gauges = prometheus::Family<Gauge>;
  using histograms = prometheus::Family<Histogram>;

  static counters& counter(prometheus::Registry& r, const char* name, const char* help) {
    return prometheus::BuildCounter().Name(name).Help(help).Register(r);
  }
  static gauges& gauge(prometheus::Registry& r, const char* name, const char* help) {
    return prometheus::BuildGauge().Name(name).Help(help).Register(r);
  }
  static histograms& histogram(prometheus::Registry& r, const char* name, const char* help) {
    return prometheus::BuildHistogram().Name(name).Help(help).Register(r);
  }

  counters& requests;
  gauges& requests_running;
  counters& prompt_tokens;
  counters& completion_tokens;
  counters& frames_refused;
  histograms& next_token;
  histograms& stream_resumed;
  histograms& failover_detect;
  histograms& group_recovery;
  counters& group_restarts;
  gauges& group_ready;
  gauges& running;
  gauges& waiting;
  gauges& kv_used;
  gauges& kv_total;
  gauges& steps;
  gauges& prefilled;
  gauges& generated;
  gauges& preemptions;
  gauges& kv_cached;
  gauges& prefix_queried;
  gauges& prefix_hit;
  gauges& prefix_evicted;
  gauges& drafted;
  gauges& accepted;
  gauges& queue_seconds;
  gauges& busy_seconds;
  gauges& model_seconds;
  gauges& step_seconds;
  gauges& connections;
  counters& connections_refused;
  counters& http_requests;
  histograms& http_seconds;
  histograms& first_token;
  counters& cancelled;
};

class actor_side final : public actor_metrics {
 public:
  explicit actor_side(families& all)
      : all_(all),
        running_(all.requests_running.Add({})),
        prompt_tokens_(all.prompt_tokens.Add({})),
        completion_tokens_(all.completion_tokens.Add({})),
        next_token_(all.next_token.Add({}, token_buckets)),
        stream_resumed_(all.stream_resumed.Add({}, request_buckets)),
        failover_detect_(all.failover_detect.Add({}, request_buckets)) {
    // Shown from the start, so that an alert can tell "none" from "not counted".
    for (const char* reason : {"corrupt", "cluster", "role", "no_receiver", "generation", "order"}) {
      all_.frames_refused.Add({{"reason", reason}});
    }
    all_.requests.Add({{"outcome", "ok"}});
  }

  void frame_refused(std::string_view reason) override {
    all_.frames_refused.Add({{"reason", std::string(reason)}}).Increment();
  }
  void request_started() override { running_.Increment(); }
  void request_ended(std::string_view outcome, uint32_t prompt_tokens, uint32_t completion_tokens) override {
    running_.Decrement();
    all_.requests.Add({{"outcome", std::string(outcome)}}).Increment();
    prompt_tokens_.Increment(prompt_tokens);
    completion_tokens_.Increment(completion_tokens);
  }
  void next_token(duration since_last) override { next_token_.Observe(seconds(since_last)); }
  void stream_resumed(duration since_loss) override { stream_resumed_.Observe(seconds(since_loss)); }

  void load_reported(std::string_view group, const group_load& load) override {
    prometheus::Labels labels{{"group", std::string(group)}};
    all_.running.Add(labels).Set(load.running);
    all_.waiting.Add(labels).Set(load.waiting);
    all_.kv_used.Add(labels).Set(load.kv_pages_used);
    all_.kv_total.Add(labels).Set(load.kv_pages_total);
    all_.steps.Add(labels).Set(static_cast<double>(load.steps));
    all_.prefilled.Add(labels).Set(static_cast<double>(load.prefilled_tokens));
    all_.generated.Add(labels).Set(static_cast<double>(load.generated_tokens));
    all_.preemptions.Add(labels).Set(static_cast<double>(load.preemptions));
    all_.kv_cached.Add(labels).Set(load.kv_pages_cached);
    all_.prefix_queried.Add(labels).Set(static_cast<double>(load.prefix_tokens_queried));
    all_.prefix_hit.Add(labels).Set(static_cast<double>(load.prefix_tokens_hit));
    all_.prefix_evicted.Add(labels).Set(static_cast<double>(load.prefix_pages_evicted));
    all_.drafted.Add(labels).Set(static_cast<double>(load.drafted_tokens));
    all_.accepted.Add(labels).Set(static_cast<double>(load.accepted_tokens));
    all_.busy_seconds.Add(labels).Set(static_cast<double>(load.busy_us) * 1e-6);
    all_.model_seconds.Add(labels).Set(static_cast<double>(load.model_us) * 1e-6);
    auto quantile = labels;
    quantile["quantile"] = "0.5";
    all_.step_seconds.Add(quantile).Set(load.step_us_p50 * 1e-6);
    all_.queue_seconds.Add(quantile).Set(load.queue_us_p50 * 1e-6);
    quantile["quantile"] = "0.99";
    all_.step_seconds.Add(quantile).Set(load.step_us_p99 * 1e-6);
    all_.queue_seconds.Add(quantile).Set(load.queue_us_p99 * 1e-6);
  }
  void group_failed(std::string_view group, std::string_view reason, duration silence) override {
    all_.group_restarts.Add({{"group", std::string(group)}, {"outcome", std::string(reason)}}).Increment();
    failover_detect_.Observe(seconds(silence));
  }
  void group_recovered(std::string_view group, duration since_failure) override {
    all_.group_recovery.Add({{"group", std::string(group)}}, request_buckets).Observe(seconds(since_failure));
  }
  void group_is_ready(std::string_view group, bool ready) override {
    all_.group_ready.Add({{"group", std::string(group)}}).Set(ready ? 1 : 0);
    for (const char* outcome : {"restarted", "gave_up"}) {
      all_.group_restarts.Add({{"group", std::string(group)}, {"outcome", outcome}});
    }
  }

 private:
  families& all_;
  Gauge& running_;
  Counter& prompt_tokens_;
  Counter& completion_tokens_;
  Histogram& next_token_;
  Histogram& stream_resumed_;
  Histogram& failover_detect_;
};

class gateway_side final : public gateway_metrics {
 public:
  explicit gateway_side(families& all) : all_(all), connections_(all.connections.Add({})) {}

  void connection_opened() override { connections_.Increment(); }
  void connection_closed() override { connections_.Decrement(); }
  void connection_refused(std::string_view reason) override {
    all_.connections_refused.Add({{"limit", std::string(reason)}}).Increment();
  }
  void request_finished(route which, int status, duration took) override {
    std::string name(troupe::name(which));
    all_.http_requests.Add({{"route", name}, {"status", std::to_string(status)}}).Increment();
    all_.http_seconds.Add({{"route", name}}, request_buckets).Observe(seconds(took));
  }
  void first_token(route which, duration since_arrival) override {
    all_.first_token.Add({{"route", std::string(troupe::name(which))}}, request_buckets)
        .Observe(seconds(since_arrival));
  }
  // Tokens are counted where they are committed, by the request actors.
  void generation_finished(route, const answer_usage&, duration) override {}
  void generation_cancelled(route, std::string_view reason) override {
    all_.cancelled.Add({{"reason", std::string(reason)}}).Increment();
  }

 private:
  families& all_;
  Gauge& connections_;
};

}  // namespace

struct prometheus_metrics::implementation {
  prometheus::Registry registry;
  families all{registry};
  actor_side actors{all};
  gateway_side gateway{all};
};

prometheus_metrics::prometheus_metrics() : implementation_(std::make_unique<implementation>()) {}
prometheus_metrics::~prometheus_metrics() = default;
actor_metrics& prometheus_metrics::for_actors() { return implementation_->actors; }
gateway_metrics& prometheus_metrics::for_gateway() { return implementation_->gateway; }
std::string prometheus_metrics::text() const {
  return prometheus::TextSerializer().Serialize(implementation_->registry.Collect());
}

}  // namespace troupe
