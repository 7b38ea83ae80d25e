/** A way into ingest for tests and measurements, in its own package. */
@NullMarked
package io.skerry.control.ingest;

import org.jspecify.annotations.NullMarked;
