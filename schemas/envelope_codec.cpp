#include "schemas/envelope_codec.hpp"

#include <capnp/message.h>
#include <capnp/serialize.h>
#include <kj/exception.h>

#include <cmath>
#include <cstring>

#include "schemas/envelope.capnp.h"

namespace troupe {
namespace {

// A frame is refused when it names more; far above what any honest sender has.
constexpr size_t ids_max = 1 << 20;
constexpr size_t list_max = 1 << 16;
constexpr size_t ranks_max = 8;
constexpr size_t address_bytes_max = 64;
constexpr uint64_t traversal_words_max = (64ULL << 20) / sizeof(capnp::word);

// Raised while a frame is read, and caught at the edge, in decode().
struct bad_frame {
  std::string what;
};

// ---- writing ------------------------------------------------------------------------------------------------------

kj::StringPtr text(const std::string& s) { return {s.c_str(), s.size()}; }

template <class ListBuilder, class Range>
void write_all(ListBuilder list, const Range& values) {
  for (unsigned i = 0; i < values.size(); ++i) list.set(i, values[i]);
}

unsigned count(size_t n) {
  TROUPE_CHECK(n <= ids_max);
  return static_cast<unsigned>(n);
}

void write(wire::Error::Builder out, const error& e) {
  out.setCode(static_cast<uint8_t>(e.code));
  out.setDetail(text(e.detail));
}

void write(wire::SamplingParams::Builder out, const sampling_params& p) {
  out.setTemperature(p.temperature);
  out.setTopP(p.top_p);
  out.setTopK(p.top_k);
  out.setMinP(p.min_p);
  out.setPresencePenalty(p.presence_penalty);
  out.setFrequencyPenalty(p.frequency_penalty);
  out.setRepetitionPenalty(p.repetition_penalty);
  auto bias = out.initLogitBias(count(p.logit_bias.size()));
  for (unsigned i = 0; i < bias.size(); ++i) {
    bias[i].setId(p.logit_bias[i].first);
    bias[i].setBias(p.logit_bias[i].second);
  }
  out.setSeed(p.seed);
  out.setStream(p.stream);
  out.setIgnoreEos(p.ignore_eos);
  out.setTopLogprobs(p.top_logprobs);
}

void write(wire::GroupProcess::Builder out, const group_process& p) {
  out.setGroup(p.group);
  out.setGeneration(p.generation);
  out.setRank(p.rank);
  out.setPid(p.pid);
}

void write(wire::RankEndpoint::Builder out, const rank_endpoint& a) {
  out.setHost(text(a.host));
  out.setPort(a.port);
}

struct body_writer {
  wire::Envelope::Body::Builder body;

  void operator()(const generate& g) {
    auto out = body.initGenerate();
    out.setStream(g.stream);
    out.setRequestId(text(g.request_id));
    write_all(out.initPrompt(count(g.prompt.size())), g.prompt);
    write_all(out.initCommitted(count(g.committed.size())), g.committed);
    write(out.initSampling(), g.sampling);
    out.setTokensMax(g.tokens_max);
    write_all(out.initEos(count(g.eos.size())), g.eos);
    out.setPriority(g.priority);
    out.setCacheSalt(text(g.cache_salt));
    out.setPooling(static_cast<uint8_t>(g.pooling));
  }
  void operator()(const cancel_stream& c) { body.initCancelStream().setStream(c.stream); }
  void operator()(const step_tokens& s) {
    auto out = body.initStepTokens();
    out.setStep(s.step);
    auto tokens = out.initTokens(count(s.tokens.size()));
    for (unsigned i = 0; i < tokens.size(); ++i) {
      const auto& t = s.tokens[i];
      tokens[i].setStream(t.stream);
      tokens[i].setIndex(t.index);
      tokens[i].setId(t.id);
      tokens[i].setLogprob(t.logprob);
      tokens[i].setFinish(static_cast<uint8_t>(t.finish));
      tokens[i].setCached(t.cached);
      if (t.top.empty()) continue;
      auto top = tokens[i].initTop(count(t.top.size()));
      for (unsigned k = 0; k < top.size(); ++k) {
        top[k].setId(t.top[k].id);
        top[k].setLogprob(t.top[k].logprob);
      }
    }
    auto refused = out.initRefused(count(s.refused.size()));
    for (unsigned i = 0; i < refused.size(); ++i) {
      refused[i].setStream(s.refused[i].stream);
      write(refused[i].initWhy(), s.refused[i].why);
    }
    if (s.embeddings.empty()) return;
    auto embeddings = out.initEmbeddings(count(s.embeddings.size()));
    for (unsigned i = 0; i < embeddings.size(); ++i) {
      const auto& e = s.embeddings[i];
      embeddings[i].setStream(e.stream);
      embeddings[i].setCached(e.cached);
      write_all(embeddings[i].initValues(count(e.values.size())), e.values);
    }
  }
  void operator()(const rank_ready& r) {
    auto out = body.initRankReady();
    out.setRank(r.rank);
    out.setPid(r.pid);
    out.setFingerprint(text(r.fingerprint));
    out.setKvPages(r.kv_pages);
    out.setContextMax(r.context_max);
    out.setWeightsBytes(r.weights_bytes);
    out.setLoadMs(r.load_ms);
  }
  void operator()(const rank_failed& r) {
    auto out = body.initRankFailed();
    out.setRank(r.rank);
    write(out.initWhy(), r.why);
  }
  void operator()(const rank_leaving& r) { body.initRankLeaving().setRank(r.rank); }
  void operator()(const group_load& l) {
    auto out = body.initGroupLoad();
    out.setRunning(l.running);
    out.setWaiting(l.waiting);
    out.setWaitingTokens(l.waiting_tokens);
    out.setKvPagesUsed(l.kv_pages_used);
    out.setKvPagesTotal(l.kv_pages_total);
    out.setSequencesMax(l.sequences_max);
    out.setWaitingMax(l.waiting_max);
    out.setSteps(l.steps);
    out.setPrefilledTokens(l.prefilled_tokens);
    out.setGeneratedTokens(l.generated_tokens);
    out.setPreemptions(l.preemptions);
    out.setStepUsP50(l.step_us_p50);
    out.setStepUsP99(l.step_us_p99);
    out.setKvPagesCached(l.kv_pages_cached);
    out.setPrefixTokensQueried(l.prefix_tokens_queried);
    out.setPrefixTokensHit(l.prefix_tokens_hit);
    out.setPrefixPagesEvicted(l.prefix_pages_evicted);
    out.setDraftedTokens(l.drafted_tokens);
    out.setAcceptedTokens(l.accepted_tokens);
    out.setQueueUsP50(l.queue_us_p50);
    out.setQueueUsP99(l.queue_us_p99);
    out.setBusyUs(l.busy_us);
    out.setModelUs(l.model_us);
  }
  void operator()(const heartbeat& h) { body.initHeartbeat().setSequence(h.sequence); }
  void operator()(const start_group& s) { write_all(body.initStartGroup().initRanks(count(s.ranks.size())), s.ranks); }
  void operator()(const end_group&) { body.initEndGroup(); }
  void operator()(const host_report& r) {
    auto out = body.initHostReport();
    auto processes = out.initProcesses(count(r.processes.size()));
    for (unsigned i = 0; i < processes.size(); ++i) write(processes[i], r.processes[i]);
    out.setFailed(r.failed);
    write(out.initWhy(), r.why);
  }
  void operator()(const group_process_exited& p) {
    auto out = body.initGroupProcessExited();
    write(out.initProcess(), p.process);
    out.setHow(text(p.how));
  }
  void operator()(const drain_request& d) { body.initDrainRequest().setTarget(text(d.target)); }
  void operator()(const describe_request&) { body.setDescribeRequest(); }
  void operator()(const description& d) {
    auto out = body.initDescription();
    auto tree = out.initTree(count(d.tree.size()));
    for (unsigned i = 0; i < tree.size(); ++i) {
      const auto& e = d.tree[i];
      tree[i].setDepth(e.depth);
      tree[i].setKind(text(e.kind));
      tree[i].setName(text(e.name));
      tree[i].setState(text(e.state));
      tree[i].setGeneration(e.generation);
      tree[i].setRestarts(e.restarts);
      tree[i].setPid(e.pid);
      tree[i].setDetail(text(e.detail));
    }
    out.setFailed(d.failed);
    write(out.initWhy(), d.why);
  }
  void operator()(const rank_listening& r) {
    auto out = body.initRankListening();
    out.setRank(r.rank);
    write(out.initAt(), r.at);
  }
  void operator()(const group_meeting& m) {
    auto out = body.initGroupMeeting();
    auto secret = out.initSecret(static_cast<unsigned>(m.secret.size()));
    std::memcpy(secret.begin(), m.secret.data(), m.secret.size());
    auto addresses = out.initAddresses(count(m.addresses.size()));
    for (unsigned i = 0; i < addresses.size(); ++i) write(addresses[i], m.addresses[i]);
  }
};

// ---- reading ------------------------------------------------------------------------------------------------------

std::string string(capnp::Text::Reader t) { return {t.cStr(), t.size()}; }

template <class List>
List bounded(List list, size_t most, const char* what) {
  if (list.size() > most) throw bad_frame{std::string(what) + " has " + std::to_string(list.size()) + " entries"};
  return list;
}

template <class List>
std::vector<uint32_t> ids(List list, const char* what) {
  bounded(list, ids_max, what);
  std::vector<uint32_t> out(list.size());
  for (unsigned i = 0; i < list.size(); ++i) out[i] = list[i];
  return out;
}

float finite(float value, const char* what) {
  if (!std::isfinite(value)) throw bad_frame{std::string(what) + " is not a finite number"};
  return value;
}

// Log-probabilities may be −inf, never NaN.
float logprob(float value) {
  if (std::isnan(value)) throw bad_frame{"a logprob is not a number"};
  return value;
}

error read(wire::Error::Reader in) {
  if (in.getCode() >= errc_count) throw bad_frame{"unknown error code " + std::to_string(in.getCode())};
  return {static_cast<errc>(in.getCode()), string(in.getDetail())};
}

sampling_params read(wire::SamplingParams::Reader in) {
  sampling_params p;
  p.temperature = finite(in.getTemperature(), "temperature");
  p.top_p = finite(in.getTopP(), "topP");
  p.top_k = in.getTopK();
  p.min_p = finite(in.getMinP(), "minP");
  p.presence_penalty = finite(in.getPresencePenalty(), "presencePenalty");
  p.frequency_penalty = finite(in.getFrequencyPenalty(), "frequencyPenalty");
  p.repetition_penalty = finite(in.getRepetitionPenalty(), "repetitionPenalty");
  for (auto bias : bounded(in.getLogitBias(), 1024, "logitBias")) {
    p.logit_bias.emplace_back(bias.getId(), finite(bias.getBias(), "logitBias"));
  }
  p.seed = in.getSeed();
  p.stream = in.getStream();
  p.ignore_eos = in.getIgnoreEos();
  p.top_logprobs = in.getTopLogprobs();
  if (p.temperature < 0 || p.top_p <= 0 || p.top_p > 1 || p.min_p < 0 || p.min_p > 1 || p.repetition_penalty <= 0 ||
      p.top_logprobs < -1 || p.top_logprobs > 20) {
    throw bad_frame{"a sampling parameter is out of its range"};
  }
  return p;
}

generate read(wire::Generate::Reader in) {
  generate g;
  g.stream = in.getStream();
  g.request_id = string(in.getRequestId());
  g.prompt = ids(in.getPrompt(), "prompt");
  g.committed = ids(in.getCommitted(), "committed");
  g.sampling = read(in.getSampling());
  g.tokens_max = in.getTokensMax();
  g.eos = ids(in.getEos(), "eos");
  g.priority = in.getPriority();
  if (g.priority < priority_least || g.priority > priority_most) throw bad_frame{"a priority is out of its range"};
  g.cache_salt = string(in.getCacheSalt());
  if (g.cache_salt.size() > cache_salt_bytes_max) throw bad_frame{"cacheSalt is too long"};
  if (in.getPooling() > static_cast<uint8_t>(pooling_kind::mean)) throw bad_frame{"unknown kind of pooling"};
  g.pooling = static_cast<pooling_kind>(in.getPooling());
  return g;
}

stream_embedding read(wire::StreamEmbedding::Reader in) {
  stream_embedding e;
  e.stream = in.getStream();
  e.cached = in.getCached();
  auto values = bounded(in.getValues(), ids_max, "values");
  e.values.reserve(values.size());
  for (float value : values) e.values.push_back(finite(value, "an embedding"));
  return e;
}

step_tokens read(wire::StepTokens::Reader in) {
  step_tokens s;
  s.step = in.getStep();
  auto tokens = bounded(in.getTokens(), list_max, "tokens");
  s.tokens.reserve(tokens.size());
  for (auto t : tokens) {
    stream_token token;
    token.stream = t.getStream();
    token.index = t.getIndex();
    token.id = t.getId();
    token.logprob = logprob(t.getLogprob());
    if (t.getFinish() > static_cast<uint8_t>(finish_reason::length)) throw bad_frame{"unknown finish reason"};
    token.finish = static_cast<finish_reason>(t.getFinish());
    token.cached = t.getCached();
    for (auto top : bounded(t.getTop(), 20, "top")) token.top.push_back({top.getId(), logprob(top.getLogprob())});
    s.tokens.push_back(std::move(token));
  }
  for (auto r : bounded(in.getRefused(), list_max, "refused")) s.refused.push_back({r.getStream(), read(r.getWhy())});
  for (auto e : bounded(in.getEmbeddings(), list_max, "embeddings")) s.embeddings.push_back(read(e));
  return s;
}

group_load read(wire::GroupLoad::Reader in) {
  group_load l;
  l.running = in.getRunning();
  l.waiting = in.getWaiting();
  l.waiting_tokens = in.getWaitingTokens();
  l.kv_pages_used = in.getKvPagesUsed();
  l.kv_pages_total = in.getKvPagesTotal();
  l.sequences_max = in.getSequencesMax();
  l.waiting_max = in.getWaitingMax();
  l.steps = in.getSteps();
  l.prefilled_tokens = in.getPrefilledTokens();
  l.generated_tokens = in.getGeneratedTokens();
  l.preemptions = in.getPreemptions();
  l.step_us_p50 = in.getStepUsP50();
  l.step_us_p99 = in.getStepUsP99();
  l.kv_pages_cached = in.getKvPagesCached();
  l.prefix_tokens_queried = in.getPrefixTokensQueried();
  l.prefix_tokens_hit = in.getPrefixTokensHit();
  l.prefix_pages_evicted = in.getPrefixPagesEvicted();
  l.drafted_tokens = in.getDraftedTokens();
  l.accepted_tokens = in.getAcceptedTokens();
  l.queue_us_p50 = in.getQueueUsP50();
  l.queue_us_p99 = in.getQueueUsP99();
  l.busy_us = in.getBusyUs();
  l.model_us = in.getModelUs();
  return l;
}

group_process read(wire::GroupProcess::Reader in) {
  return {in.getGroup(), in.getGeneration(), in.getRank(), in.getPid()};
}

host_report read(wire::HostReport::Reader in) {
  host_report r;
  for (auto p : bounded(in.getProcesses(), list_max, "processes")) r.processes.push_back(read(p));
  r.failed = in.getFailed();
  r.why = read(in.getWhy());
  return r;
}

description read(wire::Description::Reader in) {
  description d;
  for (auto e : bounded(in.getTree(), list_max, "tree")) {
    d.tree.push_back({e.getDepth(), string(e.getKind()), string(e.getName()), string(e.getState()), e.getGeneration(),
                      e.getRestarts(), e.getPid(), string(e.getDetail())});
  }
  d.failed = in.getFailed();
  d.why = read(in.getWhy());
  return d;
}

rank_endpoint read(wire::RankEndpoint::Reader in) {
  rank_endpoint a{string(in.getHost()), in.getPort()};
  if (a.host.size() > address_bytes_max || a.port == 0) throw bad_frame{"a rank's address is none"};
  return a;
}

group_meeting read(wire::GroupMeeting::Reader in) {
  group_meeting m;
  auto secret = in.getSecret();
  if (secret.size() != m.secret.size()) throw bad_frame{"a group's secret has another length"};
  std::memcpy(m.secret.data(), secret.begin(), m.secret.size());
  for (auto a : bounded(in.getAddresses(), ranks_max, "addresses")) m.addresses.push_back(read(a));
  return m;
}

envelope_body read_body(wire::Envelope::Body::Reader in) {
  using which = wire::Envelope::Body::Which;
  switch (in.which()) {
    case which::GENERATE: return read(in.getGenerate());
    case which::CANCEL_STREAM: return cancel_stream{in.getCancelStream().getStream()};
    case which::STEP_TOKENS: return read(in.getStepTokens());
    case which::RANK_READY: {
      auto r = in.getRankReady();
      return rank_ready{r.getRank(),    r.getPid(),        string(r.getFingerprint()),
                        r.getKvPages(), r.getContextMax(), r.getWeightsBytes(),
                        r.getLoadMs()};
    }
    case which::RANK_FAILED: return rank_failed{in.getRankFailed().getRank(), read(in.getRankFailed().getWhy())};
    case which::RANK_LEAVING: return rank_leaving{in.getRankLeaving().getRank()};
    case which::GROUP_LOAD: return read(in.getGroupLoad());
    case which::HEARTBEAT: return heartbeat{in.getHeartbeat().getSequence()};
    case which::START_GROUP: return start_group{ids(in.getStartGroup().getRanks(), "ranks")};
    case which::END_GROUP: return end_group{};
    case which::HOST_REPORT: return read(in.getHostReport());
    case which::GROUP_PROCESS_EXITED: {
      auto p = in.getGroupProcessExited();
      return group_process_exited{read(p.getProcess()), string(p.getHow())};
    }
    case which::DRAIN_REQUEST: return drain_request{string(in.getDrainRequest().getTarget())};
    case which::DESCRIBE_REQUEST: return describe_request{};
    case which::DESCRIPTION: return read(in.getDescription());
    case which::RANK_LISTENING:
      return rank_listening{in.getRankListening().getRank(), read(in.getRankListening().getAt())};
    case which::GROUP_MEETING: return read(in.getGroupMeeting());
  }
  throw bad_frame{"unknown body " + std::to_string(static_cast<unsigned>(in.which()))};
}

envelope read(wire::Envelope::Reader in) {
  envelope e;
  e.head.cluster = in.getCluster();
  if (in.getTo() >= service_count) throw bad_frame{"unknown service " + std::to_string(in.getTo())};
  e.head.to = static_cast<service>(in.getTo());
  e.head.group = in.getGroup();
  e.head.generation = in.getGeneration();
  e.head.correlation = in.getCorrelation();
  e.head.time_left_ms = in.getTimeLeftMs();
  e.head.trace = in.getTrace();
  e.body = read_body(in.getBody());
  return e;
}

}  // namespace

std::vector<std::byte> encode(const envelope& e) {
  capnp::MallocMessageBuilder message;
  auto out = message.initRoot<wire::Envelope>();
  out.setCluster(e.head.cluster);
  out.setTo(static_cast<uint8_t>(e.head.to));
  out.setGroup(e.head.group);
  out.setGeneration(e.head.generation);
  out.setCorrelation(e.head.correlation);
  out.setTimeLeftMs(e.head.time_left_ms);
  out.setTrace(e.head.trace);
  std::visit(body_writer{out.getBody()}, e.body);
  auto words = capnp::messageToFlatArray(message);
  auto bytes = words.asBytes();
  auto begin = reinterpret_cast<const std::byte*>(bytes.begin());
  return {begin, begin + bytes.size()};
}

result<envelope> decode(std::span<const std::byte> frame) {
  if (frame.empty()) return {errc::corrupt, "a frame is empty"};
  if (frame.size() % sizeof(capnp::word) != 0) return {errc::corrupt, "a frame's size is not a multiple of 8"};
  // Cap'n Proto reads aligned words; a frame in a network buffer need not be.
  auto words = kj::heapArray<capnp::word>(frame.size() / sizeof(capnp::word));
  std::memcpy(words.begin(), frame.data(), frame.size());
  try {
    capnp::ReaderOptions options;
    options.traversalLimitInWords = traversal_words_max;
    options.nestingLimit = 16;
    capnp::FlatArrayMessageReader message(words, options);
    return read(message.getRoot<wire::Envelope>());
  } catch (const bad_frame& e) {
    return {errc::corrupt, "a frame is not valid: " + e.what};
  } catch (const kj::Exception& e) {
    return {errc::corrupt, std::string("a frame is not valid: ") + e.getDescription().cStr()};
  }
}

}  // namespace troupe
