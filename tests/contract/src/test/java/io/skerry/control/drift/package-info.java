/** What of the server's drift tests of its tables reach. */
@NullMarked
package io.skerry.control.drift;

import org.jspecify.annotations.NullMarked;
