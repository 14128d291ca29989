//! Enums whose values have words of their own.

/// Declares an enum with the words of each value beside it, and the method that gives them. Of a `named enum` they are its
/// names in JSON, too, and `ALL` lists the values.
#[macro_export]
macro_rules! worded {
    (
        $(#[$meta:meta])* $vis:vis enum $name:ident { $($(#[$about:meta])* $value:ident = $words:literal,)* }
        $(#[$doc:meta])* fn $method:ident
    ) => {
        $(#[$meta])*
        $vis enum $name { $($(#[$about])* $value,)* }

        impl $name {
            $(#[$doc])*
            $vis fn $method(self) -> &'static str {
                match self { $(Self::$value => $words),* }
            }
        }
    };
    (
        $(#[$meta:meta])* $vis:vis named enum $name:ident { $($(#[$about:meta])* $value:ident = $words:literal,)* }
        $(#[$doc:meta])* fn $method:ident
    ) => {
        $crate::worded! {
            $(#[$meta])*
            $vis enum $name { $($(#[$about])* #[serde(rename = $words)] $value = $words,)* }
            $(#[$doc])* fn $method
        }

        impl $name {
            /// Every value, in order.
            $vis const ALL: &[Self] = &[$(Self::$value),*];
        }
    };
}

/// Declares an enum of reasons, each after the words that end a sentence about it, into which its fields are put. The value is
/// decided on and written; `words` are made last, and are its documentation too.
#[macro_export]
macro_rules! reasons {
    (
        $(#[$meta:meta])* $vis:vis enum $name:ident {
            $($words:literal $value:ident $({ $($field:ident: $type:ty),* })?,)*
        }
    ) => {
        $(#[$meta])*
        #[serde(tag = "kind", rename_all = "snake_case")]
        $vis enum $name {
            $(#[doc = concat!("`", $words, "`")] $value $({ $(#[doc = concat!("`", stringify!($field), "` of `", $words, "`")] $field: $type),* })?,)*
        }

        impl $name {
            /// The end of a sentence: "it was not done: ...".
            $vis fn words(&self) -> $crate::Sentence {
                match self {
                    $(Self::$value $({ $($field),* })? => {
                        $(let _ = ($($field),*);)?
                        format_args!($words).to_string().into()
                    })*
                }
            }
        }
    };
}
