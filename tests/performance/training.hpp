// Training of a few steps, without the calibration that `sibyl train` ends with.
#pragma once

#include "runtime/training/prepare.hpp"
#include "runtime/training/training_interface.hpp"
#include "runtime/training/training_source.hpp"

#include <memory>

namespace sibyl::bench {

class Training {
 public:
  // quick: with a small pilot.
  Training(std::shared_ptr<const CompiledModel> model, FrameChoice frame, std::size_t batch_size, bool quick);
  Training(const Training&) = delete;
  Training& operator=(const Training&) = delete;

  // From the beginning each time, with the batches that follow.
  TrainingResult run(std::int64_t steps);

  const InferenceSetup& setup() const { return *setup_; }
  const NetworkConfig& config() const { return job_.config; }
  ExampleMaker& maker() { return *maker_; }

 private:
  std::shared_ptr<const InferenceSetup> setup_;
  std::unique_ptr<ExampleMaker> maker_;
  std::unique_ptr<TrainingSource> source_;
  TrainingJob job_;
};

} // namespace sibyl::bench
