// A model's own chat template: the Jinja text that turns a conversation into the prompt the model was trained on.
//
// Rendered as Hugging Face transformers' apply_chat_template does (jinja2's ImmutableSandboxedEnvironment with
// trim_blocks, lstrip_blocks, loop controls, the `generation` tag, tojson without HTML escapes, raise_exception and
// strftime_now), byte for byte. Templates come with models and are not trusted: every bound below holds for any
// template and any context.
//
// chat_template is one template; chat_template_set is what a model's folder has: one or two templates and its special
// tokens.
#pragma once

#include <boost/json/object.hpp>
#include <chrono>
#include <memory>
#include <optional>
#include <string>

#include "base/result.hpp"

namespace troupe {

namespace jinja {
struct template_tree;
}

/// What one rendering may use. Reaching a bound is an error (invalid_argument) that names it.
struct chat_template_limits {
  size_t output_bytes_max = 4 << 20;
  /// Of one string that the template makes, and of all values alive at once.
  size_t text_bytes_max = 8 << 20;
  size_t memory_bytes_max = 256 << 20;
  /// One step is about one evaluated node, one visited item or 512 copied bytes.
  size_t steps_max = 2'000'000;
  /// Calls, blocks and expressions inside each other.
  size_t depth_max = 600;
  /// As jinja2's sandbox.
  size_t range_items_max = 100'000;
};

/// Immutable: any number of threads may render it at once.
class chat_template {
 public:
  static constexpr size_t source_bytes_max = 1 << 20;
  /// Blocks, brackets and chained operators inside each other.
  static constexpr size_t nesting_max = 150;

  /// Errors: invalid_argument ("line 3: expected token 'end of print statement', got 'b'"), also for a filter, test or
  /// tag that does not exist.
  static result<std::shared_ptr<const chat_template>> parse(std::string source);

  /// Renders with these variables: messages, add_generation_prompt, bos_token, tools, documents and whatever else the
  /// template reads. transformers always passes tools and documents, null when there are none
  /// (chat_template_set::context() has them).
  ///   now: what strftime_now() tells, as UTC; without it a template that asks for the time fails.
  /// Errors: invalid_argument with the template's own words where it calls raise_exception; else invalid_argument or
  /// not_supported (include, import, ...) that names the template's line.
  result<std::string> render(const boost::json::object& context, const chat_template_limits& limits = {},
                             std::optional<std::chrono::sys_seconds> now = {}) const;

  const std::string& source() const { return source_; }
  ~chat_template();
  chat_template(const chat_template&) = delete;
  chat_template& operator=(const chat_template&) = delete;

 private:
  chat_template(std::string source, std::unique_ptr<const jinja::template_tree> tree);

  std::string source_;
  std::unique_ptr<const jinja::template_tree> tree_;
};

/// A model's templates and the special tokens that they print. Copies are cheap; any thread.
class chat_template_set {
 public:
  /// The template for a request: "tool_use", where the model has one and the request has tools, else the default one.
  const chat_template& choose(bool with_tools) const { return with_tools && tool_use_ ? *tool_use_ : *default_; }

  /// The variables that transformers gives every template: the special tokens (bos_token, eos_token, ...) as strings,
  /// tools and documents as null. The caller adds messages, add_generation_prompt and, if there are any, tools.
  const boost::json::object& context() const { return context_; }

 private:
  chat_template_set() = default;
  friend result<chat_template_set> chat_template_from_config(const boost::json::object&, std::optional<std::string>);

  std::shared_ptr<const chat_template> default_;
  std::shared_ptr<const chat_template> tool_use_;  // may be null
  boost::json::object context_;
};

/// From tokenizer_config.json: its `chat_template` is a string or a list of {"name", "template"}. `template_file`, the
/// text of chat_template.jinja, is taken instead of it when there is one. Errors: not_found where there is no template
/// (a base model), corrupt where a template or the configuration is not valid.
result<chat_template_set> chat_template_from_config(const boost::json::object& tokenizer_config,
                                                    std::optional<std::string> template_file = {});

/// From a model's folder: tokenizer_config.json and, before it, chat_template.jinja or chat_template.json; or from a
/// GGUF file (shards/model/gguf_file.hpp has what `folder` may be). Errors: as above, and io_failed; they name the
/// file.
result<chat_template_set> read_chat_template(const std::string& folder);

}  // namespace troupe
