@NullMarked
package io.skerry.control.sql;

import org.jspecify.annotations.NullMarked;
