/** A way into ingest for measurements, in the package of what is measured. */
package io.skerry.control.ingest;
