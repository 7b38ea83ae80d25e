/**
 * Whom this device believes: kept on its disk, and kept fresh from the control plane.
 *
 * <p>What is believed is decided by {@code io.skerry.artifact.trust}. Start at {@link TrustStore}.
 */
@NullMarked
package io.skerry.agent.trust;

import org.jspecify.annotations.NullMarked;
