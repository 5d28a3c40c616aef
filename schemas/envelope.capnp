# Everything that crosses from one node to another. The plain structs, with the meaning of every field, are in
# envelope.hpp, request.hpp and cluster.hpp; the conversion is envelope_codec. Fields are only ever added: nodes of two
# versions talk to each other.
@0xf91caef61cfd4b76;

using Cxx = import "/capnp/c++.capnp";
$Cxx.namespace("troupe::wire");

struct Envelope {
  cluster @0 :UInt64;
  to @1 :UInt8;
  group @2 :UInt32;
  generation @3 :UInt64;
  correlation @4 :UInt64;
  timeLeftMs @5 :UInt32;
  trace @6 :UInt64;

  body :union {
    generate @7 :Generate;
    cancelStream @8 :CancelStream;
    stepTokens @9 :StepTokens;
    rankReady @10 :RankReady;
    rankFailed @11 :RankFailed;
    rankLeaving @12 :RankLeaving;
    groupLoad @13 :GroupLoad;
    heartbeat @14 :Heartbeat;
    startGroup @15 :StartGroup;
    endGroup @16 :EndGroup;
    hostReport @17 :HostReport;
    groupProcessExited @18 :GroupProcessExited;
    drainRequest @19 :DrainRequest;
    describeRequest @20 :Void;
    description @21 :Description;
    rankListening @22 :RankListening;
    groupMeeting @23 :GroupMeeting;
  }
}

struct Error {
  code @0 :UInt8;
  detail @1 :Text;
}

struct LogitBias {
  id @0 :UInt32;
  bias @1 :Float32;
}

struct SamplingParams {
  temperature @0 :Float32;
  topP @1 :Float32;
  topK @2 :UInt32;
  minP @3 :Float32;
  presencePenalty @4 :Float32;
  frequencyPenalty @5 :Float32;
  repetitionPenalty @6 :Float32;
  logitBias @7 :List(LogitBias);
  seed @8 :UInt64;
  stream @9 :UInt32;
  ignoreEos @10 :Bool;
  topLogprobs @11 :Int32;
}

struct Generate {
  stream @0 :UInt64;
  requestId @1 :Text;
  prompt @2 :List(UInt32);
  committed @3 :List(UInt32);
  sampling @4 :SamplingParams;
  tokensMax @5 :UInt32;
  eos @6 :List(UInt32);
  priority @7 :Int32;
  cacheSalt @8 :Text;
  pooling @9 :UInt8;
}

struct CancelStream {
  stream @0 :UInt64;
}

struct LikelyToken {
  id @0 :UInt32;
  logprob @1 :Float32;
}

struct StreamToken {
  stream @0 :UInt64;
  index @1 :UInt32;
  id @2 :UInt32;
  logprob @3 :Float32;
  top @4 :List(LikelyToken);
  finish @5 :UInt8;
  cached @6 :UInt32;
}

struct StreamEmbedding {
  stream @0 :UInt64;
  values @1 :List(Float32);
  cached @2 :UInt32;
}

struct StreamRefused {
  stream @0 :UInt64;
  why @1 :Error;
}

struct StepTokens {
  step @0 :UInt64;
  tokens @1 :List(StreamToken);
  refused @2 :List(StreamRefused);
  embeddings @3 :List(StreamEmbedding);
}

struct RankReady {
  rank @0 :UInt32;
  pid @1 :Int32;
  fingerprint @2 :Text;
  kvPages @3 :UInt32;
  contextMax @4 :UInt32;
  weightsBytes @5 :UInt64;
  loadMs @6 :UInt64;
}

struct RankEndpoint {
  host @0 :Text;
  port @1 :UInt16;
}

struct RankListening {
  rank @0 :UInt32;
  at @1 :RankEndpoint;
}

struct GroupMeeting {
  # 16 bytes.
  secret @0 :Data;
  addresses @1 :List(RankEndpoint);
}

struct RankFailed {
  rank @0 :UInt32;
  why @1 :Error;
}

struct RankLeaving {
  rank @0 :UInt32;
}

struct GroupLoad {
  running @0 :UInt32;
  waiting @1 :UInt32;
  waitingTokens @2 :UInt64;
  kvPagesUsed @3 :UInt32;
  kvPagesTotal @4 :UInt32;
  sequencesMax @5 :UInt32;
  waitingMax @6 :UInt32;
  steps @7 :UInt64;
  prefilledTokens @8 :UInt64;
  generatedTokens @9 :UInt64;
  preemptions @10 :UInt64;
  stepUsP50 @11 :UInt32;
  stepUsP99 @12 :UInt32;
  kvPagesCached @13 :UInt32;
  prefixTokensQueried @14 :UInt64;
  prefixTokensHit @15 :UInt64;
  prefixPagesEvicted @16 :UInt64;
  draftedTokens @17 :UInt64;
  acceptedTokens @18 :UInt64;
  queueUsP50 @19 :UInt32;
  queueUsP99 @20 :UInt32;
  busyUs @21 :UInt64;
  modelUs @22 :UInt64;
}

struct Heartbeat {
  sequence @0 :UInt64;
}

struct StartGroup {
  ranks @0 :List(UInt32);
}

struct EndGroup {
}

struct GroupProcess {
  group @0 :UInt32;
  generation @1 :UInt64;
  rank @2 :UInt32;
  pid @3 :Int32;
}

struct HostReport {
  processes @0 :List(GroupProcess);
  failed @1 :Bool;
  why @2 :Error;
}

struct GroupProcessExited {
  process @0 :GroupProcess;
  how @1 :Text;
}

struct DrainRequest {
  target @0 :Text;
}

struct TreeEntry {
  depth @0 :UInt32;
  kind @1 :Text;
  name @2 :Text;
  state @3 :Text;
  generation @4 :UInt64;
  restarts @5 :UInt32;
  pid @6 :Int32;
  detail @7 :Text;
}

struct Description {
  tree @0 :List(TreeEntry);
  failed @1 :Bool;
  why @2 :Error;
}
