// Data sets as the numbers that networks read, according to an input plan.
//
// Beside what the plan lists, each source of rows gives its first two moments as direct inputs: means, the logarithms
// of the Cholesky factor's diagonal, and regression coefficients of each column on those before it; and its rows
// whitened by them, next to the plain ones. A scale parameter spans orders of magnitude, and a network that sees only
// values standardized for all data sets together is blind to small ones.
#pragma once

#include "runtime/frames/frame.hpp"
#include "runtime/inputs/input_plan.hpp"
#include "runtime/model/data_batch.hpp"

#include <nlohmann/json_fwd.hpp>

#include <cstdint>
#include <span>
#include <vector>

namespace sibyl {

struct EncodedSource {
  std::size_t row_capacity = 0, width = 0;
  std::vector<std::int32_t> row_counts; // [data set]
  std::vector<float> rows;              // [data set][row][input]; zero beyond the data set's rows
};

struct EncodedBatch {
  std::size_t count = 0, direct_width = 0;
  std::vector<float> direct; // [data set][input]
  std::vector<EncodedSource> sources;
};

class InputEncoder {
 public:
  InputEncoder() = default;
  // Learns the scale of the direct inputs from pilot simulations and their frames, which have views from the
  // viewpoints where there are any.
  InputEncoder(const Facts& facts, InputPlan plan, FrameKind frame, PriorFrame prior, const DataBatch& pilot,
               const FrameBatch& pilot_frames, std::vector<double> viewpoints = {});

  const InputPlan& plan() const { return plan_; }
  FrameKind frame_kind() const { return frame_; }
  const PriorFrame& prior() const { return prior_; }
  // From which densities are looked at (views.hpp), [point][parameter]; none where the networks are told nothing of it.
  const std::vector<double>& viewpoints() const { return viewpoints_; }
  std::size_t direct_width() const { return direct_center_.size(); }
  std::size_t source_width(std::size_t source) const;
  std::size_t planned_direct_width() const; // that plan and frame give: direct_width() of a sound encoder

  EncodedBatch encode(const Facts& facts, const DataBatch& batch, const FrameBatch& frames) const;

  friend void to_json(nlohmann::json& json, const InputEncoder& encoder);
  friend void from_json(const nlohmann::json& json, InputEncoder& encoder);

 private:
  // The direct inputs of one data set on their own scales; with the rows of each source.
  void encode_one(const Facts& facts, const DataBatch& batch, const FrameBatch& frames, std::size_t data_set,
                  std::vector<double>& direct, EncodedBatch& result) const;
  void append_context(const Facts& facts, const DataBatch& batch, const FrameBatch& frames, std::size_t data_set,
                      std::vector<double>& direct) const;
  void encode_rows(const Facts& facts, const DataBatch& batch, std::size_t data_set, const InputSource& source,
                   EncodedSource& target, std::vector<double>& direct) const;

  InputPlan plan_;
  FrameKind frame_ = FrameKind::prior;
  PriorFrame prior_;
  std::vector<double> viewpoints_;
  std::vector<double> direct_center_, direct_scale_;
};

} // namespace sibyl
