/**
 * Ed25519 keys and DSSE envelopes: what is signed, by whom, and how a device checks it.
 *
 * <p>Who may sign what is said in {@code io.skerry.artifact.trust}. Start at {@link Dsse}.
 */
@NullMarked
package io.skerry.artifact.sign;

import org.jspecify.annotations.NullMarked;
