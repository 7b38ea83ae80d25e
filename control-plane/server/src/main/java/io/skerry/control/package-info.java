/**
 * The control plane's program: options, start, end.
 *
 * <p>Start at {@link io.skerry.control.ServerMain}; what is started in which order is in {@link
 * io.skerry.control.ControlPlane}. Features stand in one line and import only to the left: audit,
 * access, device, artifact, link, ingest, dataset, drift, training, registry, packaging, rollout,
 * pipeline, alert, overview. The packages {@code config}, {@code host}, {@code sql} and {@code web}
 * are the ground below all of them.
 */
@NullMarked
package io.skerry.control;

import org.jspecify.annotations.NullMarked;
