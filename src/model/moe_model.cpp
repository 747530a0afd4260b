#include "moesim/model/moe_model.hpp"

#include <algorithm>
#include <cmath>

#include "moesim/base/diagnostic.hpp"

namespace moesim {
namespace {

int whole(double width) { return static_cast<int>(std::lround(width)); }

}  // namespace

bool Model::is_moe_layer(int index) const {
  return moe.has_value() && index >= leading_dense_layers && (index - leading_dense_layers + 1) % moe_every == 0;
}

int Model::moe_layers() const {
  return moe.has_value() && layers > leading_dense_layers ? (layers - leading_dense_layers) / moe_every : 0;
}

double expert_weights(const MoeLayer& layer) {
  const double into = layer.expert_ffn == FfnKind::gated ? 2.0 * layer.payload_in : 1.0 * layer.payload_in;
  return (into + layer.payload_out) * layer.expert_hidden;
}

MoeLayer with_structure(MoeLayer layer, MoeStructure structure, int hidden, double low_rank_ratio) {
  MOESIM_EXPECTS(hidden > 0);
  MOESIM_EXPECTS(structure == MoeStructure::vanilla || (low_rank_ratio > 0 && low_rank_ratio <= 1));
  const auto fill = [](int& width, int value) { width = width == 0 ? value : width; };
  const int narrow = structure == MoeStructure::vanilla ? 0 : std::max(whole(low_rank_ratio * hidden), 1);
  switch (structure) {
    case MoeStructure::vanilla:
    case MoeStructure::fine_grained:
      fill(layer.payload_in, hidden);
      fill(layer.payload_out, hidden);
      fill(layer.expert_hidden, structure == MoeStructure::vanilla ? 4 * hidden : narrow);
      break;
    case MoeStructure::bigmac: {
      fill(layer.payload_in, narrow);
      fill(layer.payload_out, narrow);
      if (!layer.pre_projection) layer.pre_projection = ProjectionScope::shared;
      if (!layer.post_projection) layer.post_projection = ProjectionScope::shared;
      if (layer.expert_hidden == 0) {
        const MoeLayer twin{
            .payload_in = hidden, .payload_out = hidden, .expert_hidden = narrow, .expert_ffn = layer.expert_ffn};
        layer.expert_hidden = 1;  // expert_weights is proportional to it
        layer.expert_hidden = std::max(whole(expert_weights(twin) / expert_weights(layer)), 1);
      }
      break;
    }
  }
  return layer;
}

MoeLayer bigmac_twin(const MoeLayer& layer, int hidden, double low_rank_ratio) {
  MOESIM_EXPECTS(hidden > 0 && low_rank_ratio > 0 && low_rank_ratio <= 1);
  MOESIM_EXPECTS(layer.expert_hidden > 0 && layer.payload_in > 0 && layer.payload_out > 0);
  MoeLayer twin = layer;
  twin.payload_in = twin.payload_out = std::max(whole(low_rank_ratio * hidden), 1);
  twin.pre_projection = twin.post_projection = ProjectionScope::shared;
  twin.expert_hidden = 1;
  twin.expert_hidden = std::max(whole(expert_weights(layer) / expert_weights(twin)), 1);
  return twin;
}

PayloadBytes payload_bytes(const Model& model) {
  MOESIM_EXPECTS(model.moe.has_value());
  const MoeLayer& moe = *model.moe;
  const double to_experts = bytes_per_element(moe.dispatch_dtype.value_or(model.activation_dtype));
  const double to_tokens = bytes_per_element(moe.combine_dtype.value_or(model.activation_dtype));
  return {.dispatch = {moe.payload_in * to_experts},
          .combine = {moe.payload_out * to_tokens},
          .combine_gradient = {moe.payload_out * to_experts},
          .dispatch_gradient = {moe.payload_in * to_tokens}};
}

}  // namespace moesim
