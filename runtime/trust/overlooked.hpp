// What a regression on the values of data sets says of parameters, beyond what networks made of these: where the
// networks used all that the data tell, how far true parameters are from the draws' means cannot be predicted.
//
// All data sets have one design and size. The prediction for one of them comes from a fit that did not see it
// (cross-fitting), so that it owes nothing to that data set's own truth.
#pragma once

#include <Eigen/Dense>
#include <nlohmann/json_fwd.hpp>

#include <cstddef>
#include <span>
#include <vector>

namespace sibyl {

class Overlooked {
 public:
  using Matrix = Eigen::Matrix<double, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;

  // `features`: [data set][feature], finite; `distances`: of the truths from the draws' means, in sds of the draws,
  // [data set][parameter]. Ridge regressions, whose penalty is what predicts best.
  Overlooked(const Matrix& features, const Matrix& distances);
  Overlooked() = default; // to be read from a file

  std::size_t feature_count() const { return static_cast<std::size_t>(center_.size()); }
  std::size_t parameter_count() const { return static_cast<std::size_t>(weights_.cols()); }

  const Matrix& cross_fitted() const { return cross_fitted_; } // [data set][parameter]
  std::vector<double> predict(std::span<const double> features) const;

  // Without what is cross-fitted: for predictions.
  friend void to_json(nlohmann::json& json, const Overlooked& one);
  friend void from_json(const nlohmann::json& json, Overlooked& one);

 private:
  Matrix cross_fitted_;
  Eigen::RowVectorXd center_, scale_, means_;
  Eigen::MatrixXd weights_; // [feature][parameter], of all data sets
};

// Numbers of one variable's values that a linear regression can use: the values themselves, up to some hundred; and
// their moments, extremes and the moments of their differences, which are as many for any number of values above one.
// Values that are missing are left out.
void append_values(std::span<const double> values, std::vector<double>& features);
void append_moments(std::span<const double> values, std::vector<double>& features);

} // namespace sibyl
