-- Turns letters by 13.
module Main (main) where

import Data.Char (chr, isAsciiLower, isAsciiUpper, ord)

turn :: Char -> Char
turn c
  | isAsciiLower c = from 'a'
  | isAsciiUpper c = from 'A'
  | otherwise = c
  where
    from first = chr (ord first + (ord c - ord first + 13) `mod` 26)

main :: IO ()
main = interact (map turn)
