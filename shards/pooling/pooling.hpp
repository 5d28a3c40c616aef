// Embeddings: rows after a model's last norm, pooled and scaled to length one. Everything is added in f64 and in one
// order, so that the bits are the same however the rows came.
#pragma once

#include <cstddef>
#include <span>
#include <vector>

namespace troupe {

/// Adds a row to what there is, number by number; an empty `sum` becomes the row.   sum, row: (hidden).
/// A mean has the direction of the sum, so nobody has to divide.
void add_row(std::vector<double>& sum, std::span<const float> row);

/// `values`, all finite, scaled to length one (L2). All zero where they are.
std::vector<float> unit_vector(std::span<const double> values);

/// The first `dimensions` numbers, at most as many as there are, scaled to length one again: how an embedding is
/// shortened where the model was trained for it (Kusupati et al. 2022, Matryoshka representation learning).
std::vector<float> shortened(std::span<const float> embedding, size_t dimensions);

}  // namespace troupe
