#pragma once

#include "moesim/report/cluster_drawing.hpp"

namespace moesim {

/// Gives every part its place: machines side by side, each in rows by kind of part; switches of the network above,
/// those that machines are plugged into lowest. Parts of a row are at least 1 apart and as near as that allows to the
/// middle of what they are joined to.
void lay_out(ClusterDrawing& drawing);

}  // namespace moesim
