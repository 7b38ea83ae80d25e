/**
 * Whom a device believes, and for how long: the roles of The Update Framework.
 *
 * <p><em>root</em> says which keys the other roles have and signs its own successor;
 * <em>release</em> signs artifacts, itself or through delegations to automation keys;
 * <em>director</em> signs what one device shall run; <em>snapshot</em> signs, for a short time
 * only, that what a device knows is still the newest. Pure: no clock, no I/O. Start at {@link
 * Trust}.
 *
 * @see <a href="https://theupdateframework.github.io/specification/v1.0.30/">TUF 1.0.30</a>
 */
@NullMarked
package io.skerry.artifact.trust;

import org.jspecify.annotations.NullMarked;
