/**
 * The packager's own graph of a model: small, typed, checked at import, with every shape known.
 *
 * <p>Start at {@link OnnxImport} (file to graph) and {@link OnnxExport} (graph to file).
 */
@NullMarked
package io.skerry.packager.graph;

import org.jspecify.annotations.NullMarked;
