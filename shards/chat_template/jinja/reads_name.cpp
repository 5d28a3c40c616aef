#include "shards/chat_template/jinja/reads_name.hpp"

namespace troupe::jinja {
namespace {

class name_reader {
 public:
  explicit name_reader(name_id name) : name_(name) {}
  bool in(const statements& body) {
    for (const auto& s : body) read_statement(*s);
    return found_;
  }

 private:
  void read_expression(const expression& e) {
    if (stored_ || found_) return;
    if (const auto* n = e.as<name_expression>(); n && n->name == name_) found_ = true;
    for_each_child(e, [this](const expression& child) { read_expression(child); });
  }
  void maybe(const expression_ptr& e) {
    if (e) read_expression(*e);
  }
  void target(const expression& e) {
    if (const auto* n = e.as<name_expression>(); n && n->name == name_ && !found_) stored_ = true;
    for_each_child(e, [this](const expression& child) { target(child); });
  }
  void read_signature(const signature& takes) {
    for (const auto& p : takes.parameters) stored_ = stored_ || (p.name == name_ && !found_);
    for (const auto& p : takes.parameters) maybe(p.otherwise);
  }

  void read_statement(const statement& s) {
    if (stored_ || found_) return;
    auto body = [this](const statements& inside) { in(inside); };
    std::visit(
        [&](const auto& x) {
          using type = std::decay_t<decltype(x)>;
          if constexpr (std::is_same_v<type, print_statement>) {
            for (const auto& e : x.values) read_expression(*e);
          } else if constexpr (std::is_same_v<type, if_statement>) {
            for (const auto& branch : x.branches) {
              maybe(branch.condition);
              body(branch.body);
            }
          } else if constexpr (std::is_same_v<type, for_statement>) {
            target(*x.target);
            read_expression(*x.items);
            body(x.body);
            body(x.otherwise);
            maybe(x.condition);
          } else if constexpr (std::is_same_v<type, set_statement>) {
            target(*x.target);
            read_expression(*x.source);
          } else if constexpr (std::is_same_v<type, set_block>) {
            target(*x.target);
            maybe(x.filter);
            body(x.body);
          } else if constexpr (std::is_same_v<type, macro_statement>) {
            read_signature(x.takes);
            body(x.body);
          } else if constexpr (std::is_same_v<type, call_block>) {
            maybe(x.call);
            read_signature(x.caller.takes);
            body(x.caller.body);
          } else if constexpr (std::is_same_v<type, filter_block>) {
            body(x.body);
            read_expression(*x.filter);
          } else if constexpr (std::is_same_v<type, with_statement>) {
            for (const auto& e : x.targets) target(*e);
            for (const auto& e : x.sources) read_expression(*e);
            body(x.body);
          } else if constexpr (std::is_same_v<type, autoescape_statement>) {
            read_expression(*x.on);
            body(x.body);
          }
        },
        s.what);
  }

  name_id name_;
  bool found_ = false, stored_ = false;
};

}  // namespace

bool reads_name(const statements& body, name_id name) { return name_reader(name).in(body); }

}  // namespace troupe::jinja
