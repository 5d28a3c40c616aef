// + - * / // % ** of operators.hpp.
#include <cmath>
#include <cstdio>

#include "shards/chat_template/jinja/format.hpp"
#include "shards/chat_template/jinja/number.hpp"
#include "shards/chat_template/jinja/operators.hpp"
#include "shards/chat_template/jinja/show.hpp"
#include "shards/chat_template/jinja/text.hpp"

namespace troupe::jinja {
namespace {

error too_large() { return wrong("an integer has more than 127 bits"); }
error by_zero() { return wrong("division by zero"); }

integer floor_divided(integer a, integer b) { return a / b - (a % b != 0 && (a < 0) != (b < 0) ? 1 : 0); }

// Python's float_floor_div and float_rem: the remainder has the divisor's sign.
double floor_remainder(double a, double b) {
  double rest = std::fmod(a, b);
  if (rest == 0) return std::copysign(0.0, b);
  return (b < 0) != (rest < 0) ? rest + b : rest;
}
double floor_quotient(double a, double b) {
  double rest = std::fmod(a, b);
  double quotient = (a - rest) / b;
  if (rest != 0 && (b < 0) != (rest < 0)) quotient -= 1;
  if (quotient == 0) return std::copysign(0.0, a / b);
  double floor = std::floor(quotient);
  return quotient - floor > 0.5 ? floor + 1 : floor;
}

result<value> real_power(double a, double b) {
  if (a == 0 && b < 0) return wrong("0.0 cannot be raised to a negative power");
  if (a < 0 && std::isfinite(a) && std::isfinite(b) && b != std::floor(b))
    return wrong("complex numbers are not supported");
  double power = std::pow(a, b);
  if (std::isinf(power) && std::isfinite(a) && std::isfinite(b)) return wrong("a float is too large");
  return value(power);
}

result<value> integer_power(integer base, integer exponent) {
  if (exponent < 0) return real_power(static_cast<double>(base), static_cast<double>(exponent));
  integer power = 1;
  while (exponent > 0) {
    if ((exponent & 1) != 0 && __builtin_mul_overflow(power, base, &power)) return too_large();
    exponent >>= 1;
    if (exponent > 0 && __builtin_mul_overflow(base, base, &base)) return too_large();
  }
  return value(power);
}

result<value> calculate_integers(arithmetic op, integer a, integer b) {
  integer out = 0;
  switch (op) {
    case arithmetic::add: return __builtin_add_overflow(a, b, &out) ? result<value>(too_large()) : value(out);
    case arithmetic::subtract: return __builtin_sub_overflow(a, b, &out) ? result<value>(too_large()) : value(out);
    case arithmetic::multiply: return __builtin_mul_overflow(a, b, &out) ? result<value>(too_large()) : value(out);
    case arithmetic::divide:
      return b == 0 ? result<value>(by_zero()) : value(static_cast<double>(a) / static_cast<double>(b));
    case arithmetic::floor_divide:
      if (b == 0) return by_zero();
      if (b == -1) return calculate_integers(arithmetic::subtract, 0, a);  // a / -1 may not fit
      return value(floor_divided(a, b));
    case arithmetic::modulo:
      if (b == 0) return by_zero();
      return b == -1 ? value(integer{0}) : value(a - floor_divided(a, b) * b);
    case arithmetic::power: return integer_power(a, b);
  }
  return value();
}

result<value> calculate_reals(arithmetic op, double a, double b) {
  switch (op) {
    case arithmetic::add: return value(a + b);
    case arithmetic::subtract: return value(a - b);
    case arithmetic::multiply: return value(a * b);
    case arithmetic::divide: return b == 0 ? result<value>(by_zero()) : value(a / b);
    case arithmetic::floor_divide: return b == 0 ? result<value>(by_zero()) : value(floor_quotient(a, b));
    case arithmetic::modulo: return b == 0 ? result<value>(by_zero()) : value(floor_remainder(a, b));
    case arithmetic::power: return real_power(a, b);
  }
  return value();
}

result<value> repeated(heap& h, const value& what, integer times) {
  size_t size = what.is_text() ? what.text().size() : what.items().size();
  if (times <= 0 || size == 0) times = 0;
  constexpr integer most = integer{1} << 40;
  if (times > most) return wrong("the template repeats something more than 2**40 times");
  size_t n = static_cast<size_t>(times);
  if (what.is_text()) {
    TROUPE_TRY(h.fits(n > h.limits().text_bytes_max ? n : n * size));
    std::string out;
    out.reserve(n * size);
    for (size_t i = 0; i < n; ++i) out += what.text();
    return h.text(std::move(out), what.is_markup());
  }
  TROUPE_TRY(h.spend(n > h.limits().steps_max ? n : n * size));
  std::vector<value> out;
  out.reserve(n * size);
  for (size_t i = 0; i < n; ++i) out.insert(out.end(), what.items().begin(), what.items().end());
  return what.is<list_value>() ? h.list(std::move(out)) : h.tuple(std::move(out));
}

result<value> joined(heap& h, const value& a, const value& b) {
  if (a.is_text()) {
    bool markup = a.is_markup() || b.is_markup();
    TROUPE_TRY(h.fits(a.text().size() + b.text().size()));
    if (!markup) {
      std::string out;
      out.reserve(a.text().size() + b.text().size());
      out += a.text();
      out += b.text();
      return h.text(std::move(out));
    }
    TROUPE_ASSIGN(std::string left, escaped_text(h, a));
    TROUPE_ASSIGN(std::string right, escaped_text(h, b));
    return h.text(left + right, true);
  }
  TROUPE_TRY(h.spend(a.items().size() + b.items().size()));
  std::vector<value> out = a.items();
  out.insert(out.end(), b.items().begin(), b.items().end());
  return a.is<list_value>() ? h.list(std::move(out)) : h.tuple(std::move(out));
}

bool is_sequence(const value& v) { return v.is_text() || v.is<list_value>() || v.is<tuple_value>(); }

constexpr const char* symbols[] = {"+", "-", "*", "/", "//", "%", "**"};

}  // namespace

result<value> calculate(heap& h, arithmetic op, const value& a, const value& b) {
  TROUPE_TRY(h.spend(1));
  if (op == arithmetic::modulo && a.is_text()) return format_percent(h, a, b);
  for (const value* v : {&a, &b}) {
    if (v->is_undefined()) return wrong((*v->as<std::shared_ptr<const undefined_data>>())->message);
  }
  auto i = a.as_integer(), j = b.as_integer();
  if (i && j) return calculate_integers(op, *i, *j);
  if (a.is_number() && b.is_number()) {
    double x = i ? static_cast<double>(*i) : *a.as<double>();
    double y = j ? static_cast<double>(*j) : *b.as<double>();
    return calculate_reals(op, x, y);
  }
  if (op == arithmetic::add && is_sequence(a) && a.alternatives().index() == b.alternatives().index())
    return joined(h, a, b);
  if (op == arithmetic::multiply && is_sequence(a) && j) return repeated(h, a, *j);
  if (op == arithmetic::multiply && is_sequence(b) && i) return repeated(h, b, *i);
  return wrong(std::string("unsupported operand type(s) for ") + symbols[static_cast<size_t>(op)] + ": '" +
               type_name(a) + "' and '" + type_name(b) + "'");
}

result<value> negate(const value& v) {
  if (auto i = v.as_integer()) return calculate_integers(arithmetic::subtract, 0, *i);
  if (const auto* d = v.as<double>()) return value(-*d);
  if (v.is_undefined()) return wrong((*v.as<std::shared_ptr<const undefined_data>>())->message);
  return wrong("bad operand type for unary -: '" + type_name(v) + "'");
}

result<value> absolute(const value& v) {
  if (auto i = v.as_integer()) return *i < 0 ? negate(v) : value(*i);
  if (const auto* d = v.as<double>()) return value(std::fabs(*d));
  return wrong("bad operand type for abs(): '" + type_name(v) + "'");
}

result<value> rounded(const value& v, integer places) {
  if (auto i = v.as_integer()) {
    if (places >= 0) return value(*i);
    if (places < -38) return value(integer{0});
    TROUPE_ASSIGN(value power, integer_power(10, -places));
    integer unit = *power.as<integer>(), below = floor_divided(*i, unit) * unit, rest = *i - below;
    bool up = rest > unit - rest || (rest == unit - rest && (below / unit) % 2 != 0);
    return up ? calculate_integers(arithmetic::add, below, unit) : value(below);
  }
  const auto* d = v.as<double>();
  if (!d) return wrong("type " + type_name(v) + " doesn't define __round__ method");
  if (!std::isfinite(*d) || places > 323) return value(*d);
  if (places < -308) return value(std::copysign(0.0, *d));
  if (places < 0) {
    // Digits before the point: through the exact decimal text, whose digits are rounded as an integer would be.
    auto whole = integer_of(*d);
    if (!whole) return value(*d);
    double fraction = *d - std::trunc(*d);
    integer unit = 1;
    for (integer p = places; p < 0 && unit < integer{1} << 120; ++p) unit *= 10;
    integer magnitude = *whole < 0 ? -*whole : *whole, below = magnitude / unit * unit, rest = magnitude - below;
    bool up = rest > unit - rest || (rest == unit - rest && (fraction != 0 || (below / unit) % 2 != 0));
    double out = static_cast<double>(up ? below + unit : below);
    return value(std::copysign(out, *d));
  }
  // printf rounds the exact binary value half to even, as Python's dtoa does.
  char buffer[700];
  std::snprintf(buffer, sizeof buffer, "%.*f", static_cast<int>(places), *d);
  auto read = read_real(buffer);
  return value(read ? *read : *d);
}

}  // namespace troupe::jinja
