@NullMarked
package io.skerry.control.host;

import org.jspecify.annotations.NullMarked;
