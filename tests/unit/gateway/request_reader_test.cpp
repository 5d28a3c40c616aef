#include "gateway/http/request_reader.hpp"

#include <zlib.h>

#include <boost/test/unit_test.hpp>
#include <vector>

#include "gateway/http/accept_encoding.hpp"
#include "gateway/http/response_text.hpp"

namespace troupe {
namespace {

struct outcome {
  std::vector<std::string> requests;  // "METHOD path body"
  std::optional<error> refused;
  bool complete = true;  // Nothing half-read is left.
};

// Feeds `input` in pieces of `step` bytes, as a connection does.
outcome read_all(std::string_view input, size_t step, reader_limits limits = {}) {
  outcome out;
  request_reader reader(limits);
  std::string waiting;
  for (size_t at = 0; at < input.size(); at += step) {
    waiting += input.substr(at, step);
    for (;;) {
      size_t consumed = 0;
      auto progress = reader.read(waiting, consumed);
      waiting.erase(0, consumed);
      if (!progress) {
        out.refused = progress.err();
        return out;
      }
      if (*progress == request_reader::progress::need_more) break;
      if (*progress == request_reader::progress::request) {
        auto head = reader.head();
        out.requests.push_back(head.method + " " + head.path + " " + reader.take_body());
      }
    }
  }
  out.complete = waiting.empty() && !reader.in_body();
  return out;
}

outcome read_whole(std::string_view input, reader_limits limits = {}) {
  return read_all(input, input.size() + 1, limits);
}

request_head head_of(std::string_view input) {
  request_reader reader({});
  size_t consumed = 0;
  auto progress = reader.read(input, consumed);
  BOOST_REQUIRE(progress.has_value());
  BOOST_REQUIRE((*progress == request_reader::progress::head));
  return reader.head();
}

const std::string get = "GET /live HTTP/1.1\r\nHost: x\r\n\r\n";

BOOST_AUTO_TEST_CASE(requests_are_read_however_they_are_cut) {
  std::string input = get +
                      "POST /a?q=1 HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\nhello"
                      "POST /b HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: "
                      "chunked\r\n\r\n3;ext=1\r\nabc\r\nA\r\n0123456789\r\n0\r\n\r\n"
                      "POST /c HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"
                      "POST /d HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n3\r\n0\r\n\r\n00\r\n\r\n"
                      "POST /e HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\n\r\n0\r\n" +
                      get;
  std::vector<std::string> expected{"GET /live ", "POST /a hello", "POST /b abc0123456789",
                                    "POST /c ",   "POST /d 0\r\n", "POST /e 0\r\n",
                                    "GET /live "};
  for (size_t step = 1; step <= input.size(); ++step) {
    auto read = read_all(input, step);
    BOOST_TEST_CONTEXT("step " << step) {
      BOOST_TEST(read.requests == expected, boost::test_tools::per_element());
      BOOST_TEST(!read.refused.has_value());
      BOOST_TEST(read.complete);
    }
  }
}

struct malformed {
  std::string_view what;
  std::string head;
  errc code = errc::invalid_argument;
};

std::vector<malformed> malformed_requests() {
  using namespace std::string_literals;
  std::string many_fields = "GET / HTTP/1.1\r\nHost: x\r\n";
  for (int i = 0; i < 64; ++i) many_fields += "A: b\r\n";
  return {
      {"bare LF after the request line", "GET / HTTP/1.1\nHost: x\r\n\r\n"},
      {"bare LF after a field", "GET / HTTP/1.1\r\nHost: x\n\r\n"},
      {"bare LF for the empty line", "GET / HTTP/1.1\r\nHost: x\r\n\n"},
      {"bare CR in a value", "GET / HTTP/1.1\r\nHost: x\r\nA: b\rc\r\n\r\n"},
      {"folded field", "GET / HTTP/1.1\r\nHost: x\r\nA: b\r\n c\r\n\r\n"},
      {"folded with a tab", "GET / HTTP/1.1\r\nHost: x\r\nA: b\r\n\tc\r\n\r\n"},
      {"NUL in a value", "GET / HTTP/1.1\r\nHost: x\r\nA: b\0c\r\n\r\n"s},
      {"NUL in a name", "GET / HTTP/1.1\r\nHost: x\r\nA\0: b\r\n\r\n"s},
      {"control byte in a value", "GET / HTTP/1.1\r\nHost: x\r\nA: \x01\r\n\r\n"},
      {"DEL in a value", "GET / HTTP/1.1\r\nHost: x\r\nA: \x7F\r\n\r\n"},
      {"tab in the request line", "GET\t/ HTTP/1.1\r\nHost: x\r\n\r\n"},
      {"two spaces in the request line", "GET  / HTTP/1.1\r\nHost: x\r\n\r\n"},
      {"space at the end of the request line", "GET / HTTP/1.1 \r\nHost: x\r\n\r\n"},
      {"an empty line first", "\r\nGET / HTTP/1.1\r\nHost: x\r\n\r\n"},
      {"space before the colon", "GET / HTTP/1.1\r\nHost: x\r\nA : b\r\n\r\n"},
      {"no colon", "GET / HTTP/1.1\r\nHost: x\r\nA\r\n\r\n"},
      {"empty name", "GET / HTTP/1.1\r\nHost: x\r\n: b\r\n\r\n"},
      {"name that is no token", "GET / HTTP/1.1\r\nHost: x\r\nA(b): c\r\n\r\n"},
      {"no Host", "GET / HTTP/1.1\r\nA: b\r\n\r\n"},
      {"two Hosts", "GET / HTTP/1.1\r\nHost: x\r\nHost: x\r\n\r\n"},
      {"two Hosts in 1.0", "GET / HTTP/1.0\r\nHost: x\r\nHost: y\r\n\r\n"},
      {"a Host that is none", "GET / HTTP/1.1\r\nHost: x/y\r\n\r\n"},
      {"two lengths, equal", "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\nContent-Length: 1\r\n\r\na"},
      {"two lengths, different", "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\na"},
      {"a list of lengths", "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 1, 1\r\n\r\na"},
      {"negative length", "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: -1\r\n\r\n"},
      {"signed length", "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: +1\r\n\r\na"},
      {"hexadecimal length", "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 0x1\r\n\r\na"},
      {"empty length", "POST / HTTP/1.1\r\nHost: x\r\nContent-Length:\r\n\r\n"},
      {"length of 20 digits", "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 99999999999999999999\r\n\r\n"},
      {"length and coding", "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n"},
      {"coding and length", "POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\nContent-Length: 1\r\n\r\n"},
      {"unknown coding", "POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: gzip\r\n\r\n"},
      {"identity coding", "POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: identity\r\n\r\n"},
      {"two codings", "POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: gzip, chunked\r\n\r\n"},
      {"chunked twice", "POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked, chunked\r\n\r\n"},
      {"two coding fields",
       "POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n"},
      {"coding with a parameter", "POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked;a=b\r\n\r\n"},
      {"coding in 1.0", "POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"},
      {"version 2.0", "GET / HTTP/2.0\r\nHost: x\r\n\r\n"},
      {"version 1.2", "GET / HTTP/1.2\r\nHost: x\r\n\r\n"},
      {"no version", "GET /\r\nHost: x\r\n\r\n"},
      {"lower case http", "GET / http/1.1\r\nHost: x\r\n\r\n"},
      {"no target", "GET HTTP/1.1\r\nHost: x\r\n\r\n"},
      {"a target that is no path", "GET live HTTP/1.1\r\nHost: x\r\n\r\n"},
      {"an authority as target", "CONNECT a:80 HTTP/1.1\r\nHost: x\r\n\r\n"},
      {"a fragment", "GET /a#b HTTP/1.1\r\nHost: x\r\n\r\n"},
      {"half an escape", "GET /a%2 HTTP/1.1\r\nHost: x\r\n\r\n"},
      {"a wrong escape", "GET /a%zz HTTP/1.1\r\nHost: x\r\n\r\n"},
      {"a target that is not ASCII", "GET /\xC3\xA9 HTTP/1.1\r\nHost: x\r\n\r\n"},
      {"a greeting of TLS", "\x16\x03\x01\x02"s},
      {"an unknown expectation", "POST / HTTP/1.1\r\nHost: x\r\nExpect: more\r\nContent-Length: 1\r\n\r\n"},
      {"two types", "POST / HTTP/1.1\r\nHost: x\r\nContent-Type: a/b\r\nContent-Type: a/b\r\n\r\n"},
      {"a compressed body", "POST / HTTP/1.1\r\nHost: x\r\nContent-Encoding: gzip\r\n\r\n",
       errc::unsupported_media_type},
      {"65 fields", many_fields + "\r\n", errc::header_too_large},
      {"a header of 17 KiB", "GET / HTTP/1.1\r\nHost: x\r\nA: " + std::string(17 << 10, 'a'), errc::header_too_large},
      {"a target of 17 KiB", "GET /" + std::string(17 << 10, 'a'), errc::header_too_large},
      {"a length beyond the limit", "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 4194305\r\n\r\n",
       errc::payload_too_large},
  };
}

BOOST_AUTO_TEST_CASE(what_is_malformed_is_refused_however_it_is_cut) {
  for (const auto& each : malformed_requests()) {
    BOOST_TEST_CONTEXT(each.what) {
      for (size_t step : {each.head.size(), size_t{1}, size_t{7}}) {
        auto read = read_all(each.head, step);
        BOOST_TEST(read.requests.empty());
        BOOST_REQUIRE(read.refused.has_value());
        BOOST_TEST((read.refused->code == each.code));
        BOOST_TEST(!read.refused->detail.empty());
      }
    }
  }
}

BOOST_AUTO_TEST_CASE(a_header_may_have_as_many_bytes_as_the_limit_says) {
  reader_limits limits{.header_bytes_max = 100, .fields_max = 1};
  auto of_size = [](size_t size) {
    std::string head = "GET /live HTTP/1.1\r\nHost: ";
    return head + std::string(size - head.size() - 4, 'x') + "\r\n\r\n";
  };
  for (size_t step : {size_t{1}, size_t{1000}}) {
    BOOST_TEST(read_all(of_size(100), step, limits).requests.size() == 1u);
    for (size_t size : {101, 102, 103, 200}) {
      auto over = read_all(of_size(size), step, limits);
      BOOST_REQUIRE(over.refused.has_value());
      BOOST_TEST_INFO(over.refused->detail);
      BOOST_TEST((over.refused->code == errc::header_too_large));
    }
  }
  auto two = read_whole("GET / HTTP/1.1\r\nHost: x\r\nA: b\r\n\r\n", limits);
  BOOST_TEST((two.refused->code == errc::header_too_large));
}

BOOST_AUTO_TEST_CASE(chunks_that_are_malformed_are_refused) {
  const std::string head = "POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n";
  for (std::string_view body :
       {"x\r\n", "-1\r\n", "+1\r\na\r\n0\r\n\r\n", " 1\r\na\r\n0\r\n\r\n", "0x1\r\na\r\n0\r\n\r\n", "1\na\r\n0\r\n\r\n",
        "1\r\nab\r\n0\r\n\r\n", "1\r\na\n0\r\n\r\n", "1\r\na0\r\n\r\n", "1;\x01\r\na\r\n0\r\n\r\n", "\r\n",
        "FFFFFFFFFFFFFFFFF\r\n", "1\r\na\r\n0\r\nA: b\r\n\r\n", "1\r\na\r\n0\r\nContent-Length: 3\r\n\r\n"}) {
    BOOST_TEST_CONTEXT(body) {
      for (size_t step : {head.size() + body.size(), size_t{1}}) {
        auto read = read_all(head + std::string(body), step);
        BOOST_TEST(read.requests.empty());
        BOOST_TEST(read.refused.has_value());
      }
    }
  }
}

BOOST_AUTO_TEST_CASE(chunks_have_bounds) {
  const std::string head = "POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n";
  reader_limits limits{.body_bytes_max = 10};
  BOOST_TEST(read_whole(head + "5\r\nabcde\r\n5\r\nabcde\r\n0\r\n\r\n", limits).requests.size() == 1u);
  BOOST_TEST(
      (read_whole(head + "5\r\nabcde\r\n6\r\nabcdef\r\n0\r\n\r\n", limits).refused->code == errc::payload_too_large));
  BOOST_TEST((read_whole(head + "FFFFFFFFFFFFFFFF\r\n", limits).refused->code == errc::payload_too_large));
  BOOST_TEST(read_whole(head + "1;" + std::string(20 << 10, 'a')).refused.has_value());
  BOOST_TEST(read_whole(head + "0\r\nA: " + std::string(20 << 10, 'a')).refused.has_value());
}

BOOST_AUTO_TEST_CASE(a_head_says_what_the_server_needs) {
  auto head = head_of(
      "POST /v1/models/a%2Fb?x=%zz HTTP/1.1\r\nhOST: a.b:80\r\nContent-Type: application/json\r\nX-Request-ID: id-1\r\n"
      "Accept-Encoding: br\r\nAccept-Encoding: gzip;q=0.5\r\nExpect: 100-Continue\r\nContent-Length: 2\r\n\r\n");
  BOOST_TEST(head.method == "POST");
  BOOST_TEST(head.path == "/v1/models/a/b");
  BOOST_TEST(head.content_type == "application/json");
  BOOST_TEST(head.request_id == "id-1");
  BOOST_TEST(head.accepts_gzip);
  BOOST_TEST(head.expects_continue);
  BOOST_TEST(head.keep_alive);
  BOOST_TEST(head.has_body);
  BOOST_TEST(!head_of("GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n").keep_alive);
  BOOST_TEST(!head_of("GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n").keep_alive);
  BOOST_TEST(!head_of("POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n").has_body);
  BOOST_TEST(head_of("GET http://x.y/live?a HTTP/1.1\r\nHost: x.y\r\n\r\n").path == "/live");
  BOOST_TEST(head_of("GET http://x.y HTTP/1.1\r\nHost: x.y\r\n\r\n").path == "/");
  BOOST_TEST(head_of("OPTIONS * HTTP/1.1\r\nHost: x\r\n\r\n").path == "*");
}

BOOST_AUTO_TEST_CASE(request_ids_are_visible_and_short_or_not_taken) {
  auto id_of = [](const std::string& id) {
    return head_of("GET / HTTP/1.1\r\nHost: x\r\nx-request-id: " + id + "\r\n\r\n").request_id;
  };
  BOOST_TEST(id_of("abc-123") == "abc-123");
  BOOST_TEST(id_of(std::string(128, 'a')).size() == 128u);
  BOOST_TEST(id_of(std::string(129, 'a')).empty());
  BOOST_TEST(id_of("a b").empty());
  BOOST_TEST(id_of("\xC3\xA9").empty());
  BOOST_TEST(id_of("").empty());
  BOOST_TEST(id_of("a\r\nx-request-id: b").empty());
}

BOOST_AUTO_TEST_CASE(gzip_is_used_only_where_it_is_allowed) {
  for (auto text : {"gzip", "GZIP", "deflate, gzip;q=1.0", "*", "x-gzip", "gzip ; q=0.001", "gzip;Q=0.5", ",gzip,,",
                    "gzip, identity", "gzip;q=0.5, identity;q=0.5", "br;q=1, gzip;q=0.2", "identity;q=0, *;q=0.1"})
    BOOST_TEST_CONTEXT(text) { BOOST_TEST(accepts_gzip(text)); }
  for (auto text :
       {"", "br", "gzip;q=0", "gzip;q=0.000", "*;q=0", "identity", "gzip;q=0, *", "gzip;q=0.5, identity",
        "identity;q=0.6, *;q=0.5", "gzip;q=", "gzip;q=x", "gzip;q=2", "gzip;q=0.0001", "gzip;q=-1", "gzip;x"})
    BOOST_TEST_CONTEXT(text) { BOOST_TEST(!accepts_gzip(text)); }
}

BOOST_AUTO_TEST_CASE(what_is_compressed_is_the_same_when_it_is_unpacked) {
  std::string body;
  for (int i = 0; i < 3000; ++i) body += "line " + std::to_string(i) + "\n";
  std::string packed = gzipped(body);
  BOOST_TEST(packed.size() < body.size() / 2);
  std::string out(body.size() + 1, '\0');
  z_stream stream{};
  BOOST_REQUIRE(inflateInit2(&stream, 15 + 16) == Z_OK);
  stream.next_in = reinterpret_cast<Bytef*>(packed.data());
  stream.avail_in = static_cast<uInt>(packed.size());
  stream.next_out = reinterpret_cast<Bytef*>(out.data());
  stream.avail_out = static_cast<uInt>(out.size());
  BOOST_TEST(inflate(&stream, Z_FINISH) == Z_STREAM_END);
  out.resize(stream.total_out);
  inflateEnd(&stream);
  BOOST_TEST((out == body));
}

BOOST_AUTO_TEST_CASE(dates_are_those_of_http) {
  BOOST_TEST(http_date(std::chrono::sys_seconds(std::chrono::seconds(784111777))) == "Sun, 06 Nov 1994 08:49:37 GMT");
  BOOST_TEST(http_date(std::chrono::sys_seconds(std::chrono::seconds(1709251199))) == "Thu, 29 Feb 2024 23:59:59 GMT");
}

}  // namespace
}  // namespace troupe
