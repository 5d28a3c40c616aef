#include "schemas/yaml_tree.hpp"

#include <yaml-cpp/eventhandler.h>
#include <yaml-cpp/exceptions.h>
#include <yaml-cpp/parser.h>

#include <algorithm>
#include <charconv>
#include <optional>
#include <sstream>

#include "base/log.hpp"
#include "base/utf8.hpp"

namespace troupe {
namespace {

text_position position_of(const YAML::Mark& mark) {
  return {.line = static_cast<uint32_t>(std::max(mark.line, 0)) + 1,
          .column = static_cast<uint32_t>(std::max(mark.column, 0)) + 1};
}

yaml_node node_at(const YAML::Mark& mark, yaml_node::kind kind) {
  yaml_node node;
  node.is = kind;
  node.at = position_of(mark);
  return node;
}

error at(text_position where, std::string what) {
  return {errc::invalid_argument,
          std::to_string(where.line) + ":" + std::to_string(where.column) + ": " + std::move(what)};
}

// yaml-cpp guesses UTF-16 and UTF-32 from zero bytes, and passes control characters on.
result<void> check_characters(std::string_view text) {
  text_position where;
  for (size_t i = 0; i < text.size();) {
    size_t length = utf8_length(text.substr(i));
    if (length == 0) return at(where, "is not UTF-8");
    char c = text[i];
    if ((static_cast<unsigned char>(c) < 0x20 && c != '\n' && c != '\r' && c != '\t') || c == 0x7F) {
      return at(where, "has a control character");
    }
    i += length;
    if (c == '\n') {
      where = {.line = where.line + 1, .column = 1};
    } else {
      ++where.column;
    }
  }
  return {};
}

// Collects the nodes of one document. After the first problem the remaining events are ignored: they cannot be stopped
// but by an exception, and are no more than the text's bytes.
class tree_builder final : public YAML::EventHandler {
 public:
  explicit tree_builder(size_t depth_max) : depth_max_(depth_max) {}

  const std::optional<error>& problem() const { return problem_; }
  result<yaml_node> take() {
    if (problem_) return *std::move(problem_);
    return std::move(root_);
  }

  void OnDocumentStart(const YAML::Mark&) override {}
  void OnDocumentEnd() override {}
  void OnNull(const YAML::Mark& mark, YAML::anchor_t anchor) override {
    if (accept(mark, "?", anchor)) add(node_at(mark, yaml_node::kind::null));
  }
  void OnAlias(const YAML::Mark& mark, YAML::anchor_t) override { refuse(mark, "aliases (*name) are not allowed"); }
  void OnScalar(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                const std::string& value) override {
    if (!accept(mark, tag, anchor)) return;
    yaml_node node = node_at(mark, yaml_node::kind::scalar);
    node.text = value;
    node.plain = tag == "?";
    add(std::move(node));
  }
  void OnSequenceStart(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                       YAML::EmitterStyle::value) override {
    open(yaml_node::kind::sequence, mark, tag, anchor);
  }
  void OnSequenceEnd() override { close(); }
  void OnMapStart(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                  YAML::EmitterStyle::value) override {
    open(yaml_node::kind::mapping, mark, tag, anchor);
  }
  void OnMapEnd() override { close(); }

 private:
  void refuse(const YAML::Mark& mark, std::string what) {
    if (!problem_) problem_ = at(position_of(mark), std::move(what));
  }

  // yaml-cpp's tags: "?" or none for plain scalars and collections, "!" for what is in quotes.
  bool accept(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor) {
    if (anchor != 0) refuse(mark, "anchors (&name) are not allowed");
    if (!tag.empty() && tag != "?" && tag != "!") refuse(mark, "tags (!name) are not allowed");
    return !problem_;
  }

  void open(yaml_node::kind kind, const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor) {
    if (!accept(mark, tag, anchor)) return;
    if (stack_.size() == depth_max_) return refuse(mark, "is nested deeper than " + std::to_string(depth_max_));
    stack_.push_back(node_at(mark, kind));
  }

  void close() {
    if (problem_) return;
    yaml_node done = std::move(stack_.back());
    stack_.pop_back();
    add(std::move(done));
  }

  void add(yaml_node node) {
    if (stack_.empty()) {
      root_ = std::move(node);
      return;
    }
    yaml_node& parent = stack_.back();
    if (parent.is == yaml_node::kind::mapping && parent.keys.size() == parent.items.size()) {
      add_key(parent, std::move(node));
    } else {
      parent.items.push_back(std::move(node));
    }
  }

  void add_key(yaml_node& parent, yaml_node key) {
    if (key.is != yaml_node::kind::scalar) {
      problem_ = at(key.at, "a key must be a text, not " + std::string(name(key.is)));
      return;
    }
    parent.keys.push_back(std::move(key));
  }

  size_t depth_max_;
  std::vector<yaml_node> stack_;
  yaml_node root_;
  std::optional<error> problem_;
};

// Sorted, so that a mapping of many keys costs no more than n log n.
result<void> check_keys_once(const yaml_node& node) {
  std::vector<const yaml_node*> keys;
  for (const auto& key : node.keys) keys.push_back(&key);
  std::stable_sort(keys.begin(), keys.end(), [](auto* a, auto* b) { return a->text < b->text; });
  for (size_t i = 1; i < keys.size(); ++i) {
    if (keys[i]->text == keys[i - 1]->text) {
      return at(keys[i]->at,
                in_quotes(keys[i]->text) + " occurs twice, first in line " + std::to_string(keys[i - 1]->at.line));
    }
  }
  for (const auto& item : node.items) TROUPE_TRY(check_keys_once(item));
  return {};
}

}  // namespace

std::string_view name(yaml_node::kind kind) {
  switch (kind) {
    case yaml_node::kind::null: return "nothing";
    case yaml_node::kind::scalar: return "a text";
    case yaml_node::kind::sequence: return "a list";
    case yaml_node::kind::mapping: return "a mapping";
  }
  return "";
}

result<yaml_node> parse_yaml(std::string_view text, yaml_limits limits) {
  if (text.size() > limits.bytes_max) {
    return at(
        {}, "has " + std::to_string(text.size()) + " bytes; at most " + std::to_string(limits.bytes_max) + " are read");
  }
  TROUPE_TRY(check_characters(text));
  tree_builder builder(limits.depth_max);
  try {
    std::istringstream in{std::string(text)};
    YAML::Parser parser(in);
    parser.HandleNextDocument(builder);
    TROUPE_ASSIGN(yaml_node root, builder.take());
    tree_builder rest(limits.depth_max);
    if (parser.HandleNextDocument(rest)) return at(root.at, "has more than one document (a line ---)");
    TROUPE_TRY(check_keys_once(root));
    return root;
  } catch (const YAML::Exception& e) {
    // It quotes single bytes of the text.
    std::string what = utf8_repaired(e.msg);
    std::replace_if(
        what.begin(), what.end(), [](char c) { return static_cast<unsigned char>(c) < 0x20; }, ' ');
    // What was refused earlier in the text says more than what yaml-cpp then stumbled over.
    return builder.problem().value_or(at(position_of(e.mark), std::move(what)));
  }
}

text_position find_position(const yaml_node& root, std::string_view path) {
  const yaml_node* node = &root;
  text_position found = root.at;
  while (!path.empty()) {
    if (path.front() == '[') {
      size_t index = 0;
      auto [end, ec] = std::from_chars(path.data() + 1, path.data() + path.size(), index);
      if (ec != std::errc{} || index >= node->items.size()) return found;
      node = &node->items[index];
      found = node->at;
      path.remove_prefix(static_cast<size_t>(end - path.data()) + 1);  // and "]"
    } else {
      if (path.front() == '.') path.remove_prefix(1);
      std::string_view key = path.substr(0, path.find_first_of(".["));
      auto member = std::find_if(node->keys.begin(), node->keys.end(), [&](const auto& k) { return k.text == key; });
      if (member == node->keys.end()) return found;
      found = member->at;
      node = &node->items[static_cast<size_t>(member - node->keys.begin())];
      path.remove_prefix(key.size());
    }
  }
  return found;
}

std::string in_quotes(std::string_view text) {
  constexpr size_t bytes_shown = 80;
  std::string out = "\"";
  std::string_view shown = text.substr(0, bytes_shown);
  shown.remove_suffix(utf8_incomplete_tail(shown));
  append_json_escaped(out, shown);
  return out + (shown.size() < text.size() ? "…\"" : "\"");
}

}  // namespace troupe
