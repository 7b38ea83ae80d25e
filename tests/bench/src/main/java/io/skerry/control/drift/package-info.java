/** A way into the judge for measurements, in the package of what is measured. */
package io.skerry.control.drift;
