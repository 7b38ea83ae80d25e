@NullMarked
package io.skerry.fleet.rollout;

import org.jspecify.annotations.NullMarked;
