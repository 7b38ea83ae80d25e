/**
 * The signed artifact that a device runs: model signature, manifest, OCI image layout, digests and
 * DSSE signatures.
 */
@NullMarked
package io.skerry.artifact;

import org.jspecify.annotations.NullMarked;
