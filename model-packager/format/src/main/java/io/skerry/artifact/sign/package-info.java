/**
 * Ed25519 keys and DSSE envelopes: what is signed, by whom, and how a device checks it.
 *
 * <p>Three roles. The <em>root</em> key signs one {@link TrustedKeys} document; the
 * <em>release</em> keys it names sign artifacts; the <em>director</em> keys it names sign what a
 * device shall run. Start at {@link Dsse}.
 */
@NullMarked
package io.skerry.artifact.sign;

import org.jspecify.annotations.NullMarked;
