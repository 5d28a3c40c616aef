# Every key of a cluster's configuration, in the spelling of the YAML file, with its unit, default, range and meaning.
# The plain structs are in cluster_config.hpp; the conversion is cluster_config_codec, which also turns this file into
# docs/configuration.md. A key is added here, in the struct and in the conversion; a test compares the defaults.
@0xef5338792ab83699;

using Cxx = import "/capnp/c++.capnp";
$Cxx.namespace("troupe::wire");

# What annotations say, the codec enforces. Their ids are repeated there: Cap'n Proto generates no names for them.
annotation unit @0xb8282ebf05cd2097 (field) :Text;
# Bounds of a number's value, of a text's length in bytes, of a list's entries.
annotation least @0xd77316cc793b1f0e (field) :UInt64;
annotation most @0x808d71d20b60d315 (field) :UInt64;
annotation required @0xa0602884e578796d (field) :Void;
# What a text, or each text of a list, must look like.
annotation form @0xab83af764a82866d (field) :Form;
annotation meaning @0x8fd969414a817323 (field) :Text;

enum Form {
  anything @0;
  # Of a cluster, node or deployment: a-z, 0-9 and "-", 1 to 63 of them, the first a letter or digit.
  name @1;
  # What clients write in "model": A-Z, a-z, 0-9 and ". _ - / :", 1 to 128 of them.
  modelName @2;
  # An IPv4 or IPv6 address or a host name: A-Z, a-z, 0-9 and ". - : %", 1 to 253 of them.
  address @3;
}

enum LogLevel { debug @0; info @1; warn @2; error @3; }

# The instruction set that a rank computes with; auto is the best one that the processor has.
enum Backend { auto @0; scalar @1; avx2 @2; avx512 @3; }

# How tokens are guessed.
enum Speculation { off @0; ngram @1; }
enum KvType { f32 @0; bf16 @1; }

# How embeddings are made; auto is what the model's files say, otherwise last.
enum Pooling { auto @0; mean @1; last @2; }

struct ClusterConfig {
  name @0 :Text = "local" $form(name)
      $meaning("The cluster's name. A node of another cluster is refused.");
  stateFolder @1 :Text = "state" $least(1) $most(4096)
      $meaning("Certificates, the store, logs and process files. Relative to the working folder.");
  logLevel @2 :LogLevel = info
      $meaning("What is logged: this level and those after it.");
  hosts @3 :List(HostConfig) $required $least(1) $most(256)
      $meaning("The machines. On each, a host agent starts and watches the other processes.");
  gateways @4 :List(GatewayConfig) $required $least(1) $most(64)
      $meaning("The nodes that clients talk to. So far a cluster has exactly one; a second one is refused.");
  deployments @5 :List(DeploymentConfig) $required $least(1) $most(64)
      $meaning("The models that are served.");
  http @6 :HttpConfig $meaning("Limits of every gateway's HTTP listener.");
  transport @7 :TransportConfig $meaning("The links between nodes.");
  supervision @8 :SupervisionConfig $meaning("When something counts as dead, and how it is started again.");
}

struct HostConfig {
  name @0 :Text $required $form(name)
      $meaning("Unique among hosts, gateways and ranks (DEPLOYMENT-gN-rN); not ctl or authority.");
  address @1 :Text = "127.0.0.1" $form(address)
      $meaning("Where its agent listens for other nodes.");
  port @2 :UInt16 = 0
      $meaning("0: any free port, which only a cluster of one host may use.");
}

struct GatewayConfig {
  name @0 :Text $required $form(name)
      $meaning("Unique like a host's.");
  host @1 :Text $required $form(name)
      $meaning("The name of the host that it runs on.");
  address @2 :Text = "127.0.0.1" $form(address)
      $meaning("Where it listens for other nodes.");
  port @3 :UInt16 = 0
      $meaning("0: any free port, which only a cluster of one host may use.");
  httpAddress @4 :Text = "127.0.0.1" $form(address)
      $meaning("Where it listens for clients.");
  httpPort @5 :UInt16 = 8080
      $meaning("0: any free port, which only a cluster of one host may use.");
}

struct DeploymentConfig {
  name @0 :Text $required $form(name)
      $meaning("Unique among deployments and their aliases; clients ask for it as the model. Its ranks are called NAME-gN-rN, which has at most 64 bytes.");
  model @1 :Text $required $least(1) $most(4096)
      $meaning("A folder in Hugging Face layout, or a GGUF file. Relative to this configuration file.");
  aliases @2 :List(Text) $most(64) $form(modelName)
      $meaning("Other names under which clients may ask for it.");
  groups @3 :UInt32 = 1 $least(1) $most(256)
      $meaning("Groups, each a whole copy of the model.");
  tensorParallel @4 :UInt32 = 1 $least(1) $most(8)
      $meaning("Ranks of one group: 1, 2, 4 or 8. Each has a slice of the model and is a process.");
  hosts @5 :List(Text) $most(256) $form(name)
      $meaning("Hosts on which groups are placed in turn; none: all of them.");
  hostsPerGroup @17 :UInt32 = 1 $least(1) $most(8)
      $meaning("Hosts over which the ranks of one group are spread, as many on each: for a model that no single host can hold. More than 1: they speak TCP, not encrypted, between their hosts' addresses; use a private network.");
  threadsPerRank @6 :UInt32 = 1 $unit("threads") $least(1) $most(256)
      $meaning("Threads that one rank computes with.");
  backend @7 :Backend = auto
      $meaning("The instruction set that ranks compute with; auto: the best one that the processor has.");
  kvPositions @8 :UInt32 = 16384 $unit("tokens") $least(16) $most(134217728)
      $meaning("Room for keys and values of one group, rounded up to pages.");
  sequencesMax @9 :UInt32 = 32 $least(1) $most(4096)
      $meaning("Sequences in one step.");
  waitingMax @10 :UInt32 = 256 $unit("requests") $least(1) $most(1000000)
      $meaning("Requests that wait for one group; beyond it they are refused as overloaded.");
  stepTokensMax @11 :UInt32 = 256 $unit("tokens") $least(1) $most(65536)
      $meaning("Tokens in one step: one for each running sequence first, then chunks of prompts. At least sequencesMax.");
  prefixCache @12 :Bool = true
      $meaning("Whether keys and values stay when a sequence has ended, for requests that begin alike: they need not compute them again. The result is the same.");
  speculation @13 :Speculation = off
      $meaning("Guess tokens, and verify several in one step; the result is the same. ngram: what followed the last few tokens where they occurred before in the sequence. Faster where few requests run at once and answers repeat what was said, as in code or summaries.");
  draftTokensMax @14 :UInt32 = 4 $unit("tokens") $least(1) $most(15)
      $meaning("The longest guess for one sequence in one step, where speculation is on.");
  draftMatchMin @15 :UInt32 = 3 $unit("tokens") $least(1) $most(16)
      $meaning("So many tokens must have occurred together before what followed them is guessed.");
  kvType @16 :KvType = f32
      $meaning("What keys and values are kept as. bf16 takes half the memory, and half of its way to the processor; the results are then not those of f32, but depend on nothing else either.");
  pooling @18 :Pooling = auto
      $meaning("What /v1/embeddings makes of a text: the mean of its tokens' rows after the last norm, or the last token's row. auto: what the model's files say (modules.json and 1_Pooling/config.json of sentence-transformers, pooling_type of GGUF), otherwise last.");
}

struct HttpConfig {
  threads @0 :UInt32 = 1 $unit("threads") $least(1) $most(256)
      $meaning("Threads that serve connections.");
  connectionsMax @1 :UInt32 = 1024 $least(1) $most(1000000)
      $meaning("Open connections; beyond it new ones are refused.");
  connectionsPerAddressMax @9 :UInt32 = 512 $least(1) $most(1000000)
      $meaning("Open connections from one client address; beyond it new ones from there are refused. Behind a proxy all clients have its address.");
  headerBytesMax @2 :UInt32 = 16384 $unit("bytes") $least(1024) $most(1048576)
      $meaning("The header of one request; beyond it: 431.");
  bodyBytesMax @3 :UInt32 = 4194304 $unit("bytes") $least(1024) $most(67108864)
      $meaning("The body of one request; beyond it: 413.");
  streamBufferBytes @4 :UInt32 = 262144 $unit("bytes") $least(4096) $most(67108864)
      $meaning("What a slow client may leave unread before its stream pauses.");
  headerTimeoutMs @5 :UInt32 = 10000 $unit("ms") $least(10) $most(3600000)
      $meaning("For the header of a request to arrive.");
  idleTimeoutMs @6 :UInt32 = 60000 $unit("ms") $least(10) $most(86400000)
      $meaning("A connection without a request is closed after it.");
  slowClientTimeoutMs @7 :UInt32 = 30000 $unit("ms") $least(10) $most(3600000)
      $meaning("A stream that its client does not read at all is cancelled after it.");
  requestTimeoutMs @8 :UInt32 = 600000 $unit("ms") $least(10) $most(86400000)
      $meaning("The longest that one request may take.");
}

struct TransportConfig {
  frameBytesMax @0 :UInt32 = 8388608 $unit("bytes") $least(65536) $most(268435456)
      $meaning("The largest message between nodes.");
  queueBytesMax @1 :UInt32 = 16777216 $unit("bytes") $least(65536) $most(1073741824)
      $meaning("What may wait for one peer; beyond it messages are refused. At least frameBytesMax.");
  pingIntervalMs @2 :UInt32 = 1000 $unit("ms") $least(10) $most(60000)
      $meaning("A silent link is asked for a sign of life so often.");
  pingsMissedMax @3 :UInt32 = 3 $least(1) $most(100)
      $meaning("After so many unanswered ones the link is closed.");
}

struct SupervisionConfig {
  restartsMax @0 :UInt32 = 20 $least(1) $most(1000000)
      $meaning("Restarts of one group, or of one process of a host, within restartPeriodMs; beyond it the supervisor escalates.");
  restartPeriodMs @1 :UInt32 = 60000 $unit("ms") $least(10) $most(86400000)
      $meaning("The period in which restarts are counted.");
  restartDelayMs @2 :UInt32 = 10 $unit("ms") $least(0) $most(3600000)
      $meaning("The wait before a restart; it doubles with each one in the period.");
  restartDelayMaxMs @3 :UInt32 = 2000 $unit("ms") $least(0) $most(3600000)
      $meaning("The longest such wait. At least restartDelayMs.");
  startTimeoutMs @4 :UInt32 = 120000 $unit("ms") $least(100) $most(86400000)
      $meaning("From the start of a group's processes until its leader says that it is ready.");
  stepTimeoutMs @5 :UInt32 = 1000 $unit("ms") $least(10) $most(3600000)
      $meaning("A step that takes longer, and longer than ten times what such steps took lately, ends its group. The very first may take thirty times as long; none more than a day.");
  heartbeatIntervalMs @6 :UInt32 = 200 $unit("ms") $least(10) $most(60000)
      $meaning("How often a node says that it is alive.");
  heartbeatTimeoutMs @7 :UInt32 = 1500 $unit("ms") $least(20) $most(600000)
      $meaning("A node that is silent for so long counts as dead. At least twice heartbeatIntervalMs.");
  fencedKillDelayMs @8 :UInt32 = 0 $unit("ms") $least(0) $most(86400000)
      $meaning("How long a fenced process may live before it is killed: time to look at it with a debugger.");
  orphanTimeoutMs @9 :UInt32 = 15000 $unit("ms") $least(100) $most(3600000)
      $meaning("A rank that has no link to any gateway for so long ends itself, and so does a gateway that has none to its host.");
  drainTimeoutMs @10 :UInt32 = 30000 $unit("ms") $least(0) $most(86400000)
      $meaning("After SIGTERM, running streams may finish for so long.");
}
