// Attention over vectors of 16 floats; see vector_kernels.hpp. Several queries go through the keys and values of a
// block together: each of these is then loaded once for all of them.
#pragma once

#include "shards/engine/cpu/unrolled.hpp"
#include "shards/engine/cpu/vector_math.hpp"

namespace troupe {
namespace {

inline constexpr uint32_t block_pages = attention_block / page_rows;

template <class Vector>
__attribute__((always_inline)) inline Vector load_kv(const float* from) {
  return Vector::load(from);
}
template <class Vector>
__attribute__((always_inline)) inline Vector load_kv(const uint16_t* from) {
  return Vector::load_bf16(from);
}

/// The pages of a block's positions; one that nobody needs is the block's first.
template <class Element>
struct block_memory {
  const Element* page[block_pages];
  /// Of the next block, to be fetched meanwhile: the processor does not foresee where they are. Into the second level:
  /// two blocks would not stay in the first.
  const Element* next_page[block_pages];
};

template <class Element>
block_memory<Element> memory_of(const attention_task& task, uint32_t first, uint32_t start, uint32_t end) {
  const auto page_at = [&](uint32_t from, uint32_t i) {
    const uint32_t position = from + i * page_rows;
    return static_cast<const Element*>(task.pool) +
           task.pages[(position < end ? position : from) / page_rows] * task.page_elements;
  };
  block_memory<Element> block;
  const uint32_t next = start + attention_block;
  for (uint32_t i = 0; i < block_pages; ++i) {
    block.page[i] = page_at(start, i);
    // After the last block comes the next head, whose keys begin where this one's values end.
    block.next_page[i] =
        next < end ? page_at(next, i) : page_at(first, i) + task.value_offset + page_rows * task.value_stride;
  }
  return block;
}

/// Of a block's 64 positions, those that a query attends to.
struct part_of_block {
  uint32_t begin, end;
};

inline part_of_block part_of(const attention_query& query, uint32_t start) {
  const uint32_t begin = query.first > start ? query.first - start : 0;
  const uint32_t end = query.positions > start ? query.positions - start : 0;
  return {begin < attention_block ? begin : attention_block, end < attention_block ? end : attention_block};
}

/// One query's state.
template <class Vector>
struct query_state {
  part_of_block part;
  float m = -__builtin_inff(), l = 0, correction = 1;
  alignas(64) float p[attention_block];
  alignas(64) float acc[head_dim_max];
};

/// score[q] (64) of a block; those of positions that are not attended to mean nothing.
template <class Vector, class Element, int... Query>
__attribute__((always_inline)) inline void block_scores(const attention_task& task, const attention_query* queries,
                                                        const block_memory<Element>& block,
                                                        Vector (*score)[block_pages], indices<Query...>) {
  Vector sum[sizeof...(Query)][block_pages];
  const auto clear = [](Vector(&to)[block_pages]) __attribute__((always_inline)) {
    to[0] = to[1] = to[2] = to[3] = Vector::zero();
  };
  (clear(sum[Query]), ...);
  for (size_t d = 0; d < task.head_dim; ++d) {
    const size_t at = d * page_rows;
    for (const Element* page : block.next_page) __builtin_prefetch(page + at, 0, 2);
    const Vector key[block_pages] = {load_kv<Vector>(block.page[0] + at), load_kv<Vector>(block.page[1] + at),
                                     load_kv<Vector>(block.page[2] + at), load_kv<Vector>(block.page[3] + at)};
    const auto add = [&](Vector(&to)[block_pages], float value) __attribute__((always_inline)) {
      const Vector q = Vector::all(value);
      to[0] = fma(q, key[0], to[0]);
      to[1] = fma(q, key[1], to[1]);
      to[2] = fma(q, key[2], to[2]);
      to[3] = fma(q, key[3], to[3]);
    };
    (add(sum[Query], queries[Query].query[d]), ...);
  }
  const Vector scale = Vector::all(task.scale);
  const auto finish = [&](const Vector(&from)[block_pages], Vector(&to)[block_pages]) {
    for (uint32_t i = 0; i < block_pages; ++i) to[i] = from[i] * scale;
    if (task.softcap == 0) return;
    for (Vector& value : to) value = capped(value, Vector::all(task.softcap));
  };
  (finish(sum[Query], score[Query]), ...);
}

/// From scores to weights: m, l, p and the correction of what was summed before.
template <class Vector>
void weigh(const Vector (&score)[block_pages], query_state<Vector>& state) {
  // How many of page i's positions come before `end`, which is one of the block's.
  const auto count_before = [](uint32_t i, uint32_t end) -> size_t {
    const uint32_t before = i * page_rows;
    return end <= before ? 0 : (end - before < page_rows ? end - before : page_rows);
  };
  const auto attended = [&](uint32_t i, Vector value, Vector otherwise) {
    return first_of(count_before(i, state.part.begin), otherwise,
                    first_of(count_before(i, state.part.end), value, otherwise));
  };
  const Vector nothing = Vector::all(-__builtin_inff());
  Vector largest = nothing;
  for (uint32_t i = 0; i < block_pages; ++i) largest = larger(largest, attended(i, score[i], nothing));
  const float block_largest = largest.largest();
  const float m_next = state.m > block_largest ? state.m : block_largest;
  Vector sum = Vector::zero();
  for (uint32_t i = 0; i < block_pages; ++i) {
    const Vector weight = attended(i, exponential(score[i] - Vector::all(m_next)), Vector::zero());
    sum = sum + weight;
    weight.store(state.p + i * page_rows);
  }
  state.correction = exponential(Vector::all(state.m - m_next)).first();
  state.l = __builtin_fmaf(state.l, state.correction, sum.sum());
  state.m = m_next;
}

/// acc[d] = fma(p[j], value[j][d], acc[d]) for the positions of `part` in order, over Width vectors of d.
template <class Vector, class Element, int... Query, int... Width>
__attribute__((always_inline)) inline void add_values(const attention_task& task, const block_memory<Element>& block,
                                                      part_of_block part, size_t first, query_state<Vector>* state,
                                                      indices<Query...>, indices<Width...>) {
  constexpr int width = sizeof...(Width);
  Vector acc[sizeof...(Query)][width];
  const auto load = [&](Vector(&to)[width], const float* from) __attribute__((always_inline)) {
    ((to[Width] = Vector::load(from + Width * lanes)), ...);
  };
  (load(acc[Query], state[Query].acc + first), ...);
  const size_t offset = task.value_offset + first;
  for (uint32_t j = part.begin; j < part.end; ++j) {
    const size_t at = offset + (j % page_rows) * task.value_stride;
    const Element* next = block.next_page[j / page_rows] + at;
    (__builtin_prefetch(next + Width * lanes, 0, 2), ...);
    const Element* values = block.page[j / page_rows] + at;
    const Vector value[width] = {load_kv<Vector>(values + Width * lanes)...};
    const auto add = [&](Vector(&to)[width], float p) __attribute__((always_inline)) {
      const Vector weight = Vector::all(p);
      ((to[Width] = fma(weight, value[Width], to[Width])), ...);
    };
    (add(acc[Query], state[Query].p[j]), ...);
  }
  const auto store = [&](const Vector(&from)[width], float* to) __attribute__((always_inline)) {
    (from[Width].store(to + Width * lanes), ...);
  };
  (store(acc[Query], state[Query].acc + first), ...);
}

template <class Vector, class Element, int Queries>
void add_all_values(const attention_task& task, const block_memory<Element>& block, part_of_block part,
                    query_state<Vector>* state) {
  using queries = typename count_up<Queries>::type;
  if (part.begin >= part.end) return;
  size_t d = 0;
  for (; d + 4 * lanes <= task.value_stride; d += 4 * lanes)
    add_values(task, block, part, d, state, queries{}, count_up<4>::type{});
  for (; d < task.value_stride; d += lanes) add_values(task, block, part, d, state, queries{}, count_up<1>::type{});
}

/// One block for the queries that attend to something of it.
template <class Vector, class Element, int Queries>
void attend_block(const attention_task& task, const attention_query* queries, uint32_t first, uint32_t start,
                  uint32_t end, query_state<Vector>* state) {
  const block_memory<Element> block = memory_of<Element>(task, first, start, end);
  Vector score[Queries][block_pages];
  block_scores(task, queries, block, score, typename count_up<Queries>::type{});
  // What all attend to goes together; what comes before and after, each query by itself.
  part_of_block shared{0, attention_block};
  for (int q = 0; q < Queries; ++q) {
    query_state<Vector>& of = state[q];
    of.part = part_of(queries[q], start);
    if (of.part.begin > shared.begin) shared.begin = of.part.begin;
    if (of.part.end < shared.end) shared.end = of.part.end;
  }
  if (shared.begin > shared.end) shared.begin = shared.end = attention_block;
  for (int q = 0; q < Queries; ++q) {
    query_state<Vector>& of = state[q];
    if (of.part.begin >= of.part.end) continue;
    weigh(score[q], of);
    const Vector correction = Vector::all(of.correction);
    for (size_t d = 0; d < task.value_stride; d += lanes) (Vector::load(of.acc + d) * correction).store(of.acc + d);
    const uint32_t before = of.part.end < shared.begin ? of.part.end : shared.begin;
    add_all_values<Vector, Element, 1>(task, block, {of.part.begin, before}, &of);
  }
  add_all_values<Vector, Element, Queries>(task, block, shared, state);
  for (int q = 0; q < Queries; ++q) {
    const uint32_t after = state[q].part.begin > shared.end ? state[q].part.begin : shared.end;
    add_all_values<Vector, Element, 1>(task, block, {after, state[q].part.end}, &state[q]);
  }
}

template <class Vector, class Element, int Queries>
void attend_together(const attention_task& task, const attention_query* queries) {
  query_state<Vector> state[Queries];
  uint32_t first = ~uint32_t{0};
  uint32_t end = 0;
  for (int q = 0; q < Queries; ++q) {
    for (size_t d = 0; d < task.value_stride; d += lanes) Vector::zero().store(state[q].acc + d);
    first = queries[q].first < first ? queries[q].first : first;
    end = queries[q].positions > end ? queries[q].positions : end;
  }
  first = first / attention_block * attention_block;
  for (uint32_t start = first; start < end; start += attention_block)
    attend_block<Vector, Element, Queries>(task, queries, first, start, end, state);
  for (int q = 0; q < Queries; ++q)
    in_vectors(task.head_dim, [&](size_t d, size_t count) {
      store_up_to(Vector::load(state[q].acc + d) / Vector::all(state[q].l), queries[q].out + d, count);
    });
}

template <class Vector, class Element>
struct queries_of {
  template <int Queries>
  static void run(const attention_task& task) {
    attend_together<Vector, Element, Queries>(task, task.queries);
  }
};

template <class Vector>
void vector_attend(const attention_task* task) {
  if (task->bf16) {
    run_with_rows<queries_of<Vector, uint16_t>, Vector::attention_queries>(*task, task->count);
  } else {
    run_with_rows<queries_of<Vector, float>, Vector::attention_queries>(*task, task->count);
  }
}

}  // namespace
}  // namespace troupe
